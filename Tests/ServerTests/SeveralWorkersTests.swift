import Diffusion
import Engine
import Files
import Foundation
import Server
import Synchronization
import TestKit
import Testing

/// One queue before several workers, of which any may die.
@Suite struct SeveralWorkersTests {
    private let workers: [FakeWorker]
    private let queue: GenerationQueue

    init() async throws {
        workers = (0..<2).map { _ in
            var behaviour = FakeWorker.Behaviour()
            (behaviour.isHeld, behaviour.step) = (true, .zero)
            return FakeWorker(behaviour)
        }
        var limits = WorkerLimits()
        (limits.firstDelay, limits.longestDelay) = (.milliseconds(1), .milliseconds(1))
        let pool = WorkerPool(workers, limits: limits)
        let model = ServedModel(
            "fake", try await pool.start { _ in }, workers: pool,
            Admission(PipelineOptions(), resolve: { try FakeWorker.resolve($0, false) }))
        queue = GenerationQueue(model, ServerLimits())
    }

    /// Asks for an image, of a guidance of its own unless a height is given, and waits until that is known to the queue.
    private func ask(
        _ prompt: String, owner: String = "", height: Int? = nil, priority: Priority = .normal
    ) async throws -> Task<GenerationQueue.Kept, any Error> {
        var request = GenerationRequest(prompts: [prompt])
        (request.seeds, request.height) = ([1], height)
        // What differs in anything but its prompt is in no batch.
        let code = prompt.utf8.reduce(0) { (256 * $0 + Int($1)) % 1_000_003 }
        if height == nil { request.guidanceScale = Double(code) / 1001 }
        let resolved = try FakeWorker.resolve(request, false)
        let before = await inAll
        let isOver = Atomic(false)
        let task = Task {
            defer { isOver.store(true, ordering: .relaxed) }
            return try await queue.keep(resolved, owner: owner, priority: priority)
        }
        while await inAll == before, !isOver.load(ordering: .relaxed) { await Task.yield() }
        return task
    }

    private var inAll: Int { get async { await queue.waitingCount + queue.runningCount } }

    private func until(_ condition: () async -> Bool) async { while await !condition() { await Task.yield() } }

    /// Waits until each worker has one, and gives what they have.
    private func occupy() async throws -> [Task<GenerationQueue.Kept, any Error>] {
        var tasks: [Task<GenerationQueue.Kept, any Error>] = []
        for (place, worker) in workers.enumerated() {
            tasks.append(try await ask("long \(place)", owner: "long"))
            await until { worker.isBusy }
        }
        return tasks
    }

    private func prompts(_ worker: FakeWorker) -> [[String]] { worker.requests.map(\.prompts) }

    @Test func asManyRunAtOnceAsThereAreWorkersAndAFreeOneTakesTheNextInFairOrder() async throws {
        var tasks = try await occupy()
        for (prompt, owner) in [("a0", "a"), ("a1", "a"), ("b0", "b")] {
            tasks.append(try await ask(prompt, owner: owner))
        }
        tasks.append(try await ask("urgent", owner: "a", priority: .high))
        #expect(await queue.runningCount == 2)
        #expect(await queue.waitingCount == 4)
        workers[1].change { $0.isHeld = false }
        for task in tasks.dropFirst() { _ = try await task.value }
        // The urgent one is on the account of a, so b is before a's others.
        #expect(prompts(workers[1]) == [["long 1"], ["urgent"], ["b0"], ["a0"], ["a1"]])
        #expect(prompts(workers[0]) == [["long 0"]])
        workers[0].change { $0.isHeld = false }
        _ = try await tasks[0].value
    }

    @Test func whatADyingWorkerDidIsTheNextOfWhicheverIsFreeFirst() async throws {
        let doomed = try await ask("doom")
        await until { workers[0].isBusy }
        let long = try await ask("long")
        await until { workers[1].isBusy }
        var others = [try await ask("a")]
        others.append(try await ask("urgent", priority: .high))
        workers[0].change { ($0.deaths["doom"], $0.isDown, $0.isHeld) = (1, true, false) }
        await until { await queue.waitingCount == 3 }
        #expect(await queue.runningCount == 1)
        workers[1].change { $0.isHeld = false }
        #expect(try await doomed.value.pixels.count == 1)
        for task in [long] + others { _ = try await task.value }
        #expect(prompts(workers[0]) == [["doom"]])
        #expect(prompts(workers[1]) == [["long"], ["doom"], ["urgent"], ["a"]])
        workers[0].change { $0.isDown = false }
        await until { workers[0].restarts == 1 }
    }

    @Test func whatLosesTwoWorkersFailsWithTheCauseAndAlone() async throws {
        for worker in workers { worker.change { ($0.deaths["doom"], $0.isHeld) = (2, false) } }
        let (doomed, fine) = (try await ask("doom"), try await ask("fine"))
        await #expect(throws: FakeWorker.death) { try await doomed.value }
        #expect(try await fine.value.pixels.count == 1)
        // One that dies again and again is begun no third time.
        workers[0].change { $0.deaths["again"] = 9 }
        workers[1].change { $0.deaths["again"] = 9 }
        await #expect(throws: FakeWorker.death) { try await ask("again").value }
        #expect(workers.flatMap(\.requests).count { $0.prompts == ["again"] } == 2)
    }

    @Test func ofABatchThatLosesItsWorkerEachIsTriedByItself() async throws {
        let busy = try await occupy()
        let prompts = ["doom", "a", "b"]
        var tasks: [Task<GenerationQueue.Kept, any Error>] = []
        for prompt in prompts { tasks.append(try await ask(prompt, height: 64)) }
        for worker in workers { worker.change { ($0.deaths["doom"], $0.isHeld) = (2, false) } }
        await #expect(throws: FakeWorker.death) { try await tasks[0].value }
        for task in busy + tasks.dropFirst() { #expect(try await task.value.companions == 1) }
        let asked = workers.flatMap(\.requests).map(\.prompts)
        #expect(asked.count { $0 == prompts } == 1)
        for prompt in prompts { #expect(asked.count { $0 == [prompt] } == 1) }
    }

    @Test func whatWaitsForAnotherAttemptCanBeCalledOff() async throws {
        workers[1].change { $0.isHeld = true }
        let doomed = try await ask("doom", owner: "a")
        await until { workers[0].isBusy }
        let long = try await ask("long")
        await until { workers[1].isBusy }
        workers[0].change { ($0.deaths["doom"], $0.isDown, $0.isHeld) = (1, true, false) }
        await until { await queue.waitingCount == 1 }
        #expect(await queue.positions.count == 1)
        doomed.cancel()
        await #expect(throws: CancellationError.self) { try await doomed.value }
        #expect(await inAll == 1)
        for worker in workers { worker.change { ($0.isDown, $0.isHeld) = (false, false) } }
        _ = try await (long.value, ask("b").value)
        #expect(workers.flatMap(\.requests).count { $0.prompts == ["doom"] } == 1)
    }

    @Test func whatIsCalledOffIsNotTriedAgainThoughItsWorkerDiesOfIt() async throws {
        for worker in workers { worker.change { $0.diesOfCancellation = true } }
        let tasks = try await occupy()
        for task in tasks { task.cancel() }
        for task in tasks { await #expect(throws: CancellationError.self) { try await task.value } }
        for worker in workers { worker.change { $0.isHeld = false } }
        _ = try await ask("a").value
        #expect(workers.flatMap(\.requests).count == 3)
    }

    @Test func aQueueThatIsClosedBeginsNothingAnew() async throws {
        let tasks = try await occupy()
        await queue.close()
        workers[0].change { ($0.deaths["long 0"], $0.isHeld) = (1, false) }
        await #expect(throws: EngineError.closed) { try await tasks[0].value }
        workers[1].change { $0.isHeld = false }
        #expect(try await tasks[1].value.pixels.count == 1)
        #expect(await inAll == 0)
    }

    @Test func whereNoWorkerCanBeStartedThoseWhoWaitAreToldWhy() async throws {
        let fault = Failure(.model, "the model is gone")
        for worker in workers {
            worker.change { ($0.deaths, $0.startFault, $0.isHeld) = (["long 0": 1, "long 1": 1], fault, true) }
        }
        let tasks = try await occupy()
        let waiting = try await ask("a")
        for worker in workers { worker.change { $0.isHeld = false } }
        for task in tasks + [waiting] { await #expect(throws: fault) { try await task.value } }
        for worker in workers { worker.change { $0.startFault = nil } }
        // Both come back by themselves.
        await until { workers.allSatisfy { $0.restarts == 1 } }
        _ = try await ask("b").value
    }
}
