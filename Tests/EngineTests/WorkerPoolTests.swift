import Diffusion
import Engine
import Files
import Layers
import Tensors
import TestKit
import Testing

@Suite struct WorkerPoolTests {
    private static func worker(_ change: (inout FakeWorker.Behaviour) -> Void = { _ in }) -> FakeWorker {
        var behaviour = FakeWorker.Behaviour()
        behaviour.step = .zero
        change(&behaviour)
        return FakeWorker(behaviour)
    }

    private static func pool(_ workers: [FakeWorker]) -> WorkerPool {
        var limits = WorkerLimits()
        (limits.firstDelay, limits.longestDelay) = (.milliseconds(1), .milliseconds(1))
        return WorkerPool(workers, limits: limits)
    }

    private static func request(_ prompt: String) throws -> GenerationRequest {
        var request = GenerationRequest(prompts: [prompt])
        request.seeds = [1]
        return try FakeWorker.resolve(request, false)
    }

    private func until(_ condition: () async -> Bool) async { while await !condition() { await Task.yield() } }

    /// The others, which would find the same or never be needed, are ended.
    @Test func whatIsWrongWithTheModelEndsTheStart() async throws {
        let fault = Failure(.model, "there is no model at /nowhere")
        let workers = [Self.worker { $0.isDown = true }, Self.worker { $0.startFault = fault }, Self.worker()]
        await #expect(throws: fault) { try await Self.pool(workers).start { _ in } }
        #expect(workers.map(\.isClosed) == [true, true, true])
    }

    @Test func aWorkerThatCannotStartComesLaterThanTheOthers() async throws {
        let fault = Failure(.unavailable, "cuda:1 cannot be used: it is lost")
        let workers = [Self.worker(), Self.worker { $0.startFault = fault }]
        let pool = Self.pool(workers)
        _ = try await pool.start { _ in }
        #expect(await pool.conditions()[1].fault as? Failure == fault)
        #expect(await pool.isReady())
        #expect(try await pool.generate(Self.request("a")).pixels.count == 1)
        workers[1].change { $0.startFault = nil }
        await until { await pool.conditions()[1].fault == nil }
        let alone = Self.pool([Self.worker { $0.startFault = fault }])
        await #expect(throws: fault) { try await alone.start { _ in } }
    }

    @Test func offersTheMemoryOfTheSmallestDevice() async throws {
        let workers = [80, 40, 60].map { memory in Self.worker { $0.deviceMemory = memory } }
        #expect(try await Self.pool(workers).start { _ in }.deviceMemory == 40)
    }

    @Test func aCalledOffStartIsOver() async throws {
        let workers = [Self.worker { $0.isDown = true }, Self.worker { $0.isDown = true }]
        let pool = Self.pool(workers)
        let start = Task { try await pool.start { _ in } }
        start.cancel()
        await #expect(throws: CancellationError.self) { try await start.value }
    }

    /// Without a queue before it, requests are served in their order, and one that lost its worker is first.
    @Test func servesInOrderAndWhatWasLostFirst() async throws {
        let worker = Self.worker { ($0.isHeld, $0.deaths) = (true, ["first": 1]) }
        let pool = Self.pool([worker])
        var tasks: [Task<WorkerResult, any Error>] = []
        let ask = { (prompt: String) in Task { try await pool.generate(try Self.request(prompt)) } }
        tasks.append(ask("first"))
        await until { worker.isBusy }
        let calledOff = ask("called off")
        calledOff.cancel()
        await #expect(throws: CancellationError.self) { try await calledOff.value }
        tasks.append(ask("second"))
        worker.change { $0.isHeld = false }
        for task in tasks { #expect(try await task.value.pixels.count == 1) }
        #expect(worker.requests.map { $0.prompts[0] } == ["first", "first", "second"])
        worker.change { $0.deaths["first"] = 2 }
        await #expect(throws: FakeWorker.death) { try await pool.generate(Self.request("first")) }
        await pool.close()
        await #expect(throws: EngineError.closed) { try await pool.generate(Self.request("third")) }
    }

    @Test func everyReplicaHasItsPart() {
        var configuration = WorkerConfiguration(model: "model")
        func parts(_ count: Int) -> [WorkerConfiguration] {
            (0..<count).map { Replica($0, of: count).configuration(configuration, threads: 6, memory: 1000) }
        }
        #expect(parts(1) == [configuration])
        #expect(parts(4).map(\.threads) == [1, 1, 1, 1])
        #expect(parts(2).map(\.threads) == [3, 3])
        #expect(parts(8).map(\.threads).allSatisfy { $0 == 1 })
        #expect(parts(4).map(\.options.memoryLimit) == [250, 250, 250, 250])
        (configuration.threads, configuration.options.memoryLimit) = (5, 700)
        #expect(parts(2).map(\.threads) == [5, 5])
        #expect(parts(2).map(\.options.memoryLimit) == [700, 700])
        configuration = WorkerConfiguration(model: "model")
        configuration.options.plan.device = .cuda(0)
        #expect(parts(3).map(\.options.plan.device) == [.cuda(0), .cuda(1), .cuda(2)])
        #expect(parts(3).map(\.threads) == [nil, nil, nil])
        #expect(Replica(1, of: 2, devicesPerReplica: 4).devices == [.cuda(4), .cuda(5), .cuda(6), .cuda(7)])
    }
}
