import Diffusion
import Engine
import Foundation
import HTTPTypes
import Layers
import Server
import Synchronization
import Tensors
import TestKit
import Testing

@Suite struct GenerationQueueTests {
    private func queue(
        _ workers: FakeWorker..., memoryFor: Int = .max, _ change: (inout ServerLimits) -> Void = { _ in }
    ) async throws -> GenerationQueue {
        var limits = ServerLimits()
        limits.batch = 4
        change(&limits)
        let pool = WorkerPool(workers)
        let model = ServedModel(
            "fake", try await pool.start { _ in }, workers: pool,
            Admission(
                PipelineOptions(), resolve: { try FakeWorker.resolve($0, false) },
                forecast: { request in
                    guard request.outputCount > memoryFor else { return nil }
                    throw InvalidRequest([.memory(needed: 2, available: 1)])
                }))
        return GenerationQueue(model, limits)
    }

    private func request(
        _ prompt: String, seed: UInt64 = 1, _ change: (inout GenerationRequest) -> Void = { _ in }
    ) throws -> GenerationRequest {
        var request = GenerationRequest(prompts: [prompt])
        request.seeds = [seed]
        change(&request)
        return try FakeWorker.resolve(request, false)
    }

    /// Runs requests that wait together behind a first one.
    private func together(
        _ queue: GenerationQueue, _ worker: FakeWorker, _ requests: [GenerationRequest]
    ) async throws -> [GenerationQueue.Kept] {
        worker.change { $0.isHeld = true }
        let first = Task {
            try await queue.keep(try request("first"), owner: "", priority: .normal, observe: { _ in })
        }
        while !worker.isBusy { await Task.yield() }
        let outcomes = try await withThrowingTaskGroup(of: (Int, GenerationQueue.Kept).self) { group in
            for (index, request) in requests.enumerated() {
                group.addTask {
                    (index, try await queue.keep(request, owner: "", priority: .normal, observe: { _ in }))
                }
            }
            while await queue.waitingCount < requests.count { await Task.yield() }
            worker.change { $0.isHeld = false }
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        _ = try await first.value
        return requests.indices.compactMap { outcomes[$0] }
    }

    @Test func requestsOfOneShapeRunTogetherWithTheSameImages() async throws {
        let worker = FakeWorker()
        let queue = try await queue(worker)
        let requests = try (0..<4).map { try request("\($0)", seed: UInt64($0)) }
        let outcomes = try await together(queue, worker, requests)
        #expect(worker.requests.count == 2)
        #expect(Set(worker.requests[1].prompts) == ["0", "1", "2", "3"])
        #expect(outcomes.map(\.companions) == [4, 4, 4, 4])
        for (request, outcome) in zip(requests, outcomes) {
            let alone = try await queue.keep(request, owner: "", priority: .normal, observe: { _ in })
            #expect(
                alone.pixels.bytes.first == outcome.pixels.bytes.first && alone.pixels.shape == outcome.pixels.shape)
        }
    }

    @Test func whatDiffersRunsByItself() async throws {
        let worker = FakeWorker()
        let queue = try await queue(worker)
        let requests = [
            try request("a"), try request("b") { $0.height = 32 }, try request("c") { $0.numInferenceSteps = 5 },
            try request("d") { $0.negativePrompts = ["x"] }, try request("e") { $0.numImagesPerPrompt = 2 },
            try request("f") { $0.guidanceScale = 2 },
        ]
        let outcomes = try await together(queue, worker, requests)
        #expect(outcomes.allSatisfy { $0.companions == 1 })
        #expect(worker.requests.count == 7)
        #expect(outcomes[4].pixels.count == 2)
    }

    @Test func aBatchIsAsLargeAsTheMemoryAndTheLimitAllow() async throws {
        for (memory, limit, sizes) in [(2, 8, [1, 2, 2]), (8, 3, [1, 3, 1]), (8, 1, [1, 1, 1, 1, 1])] {
            let worker = FakeWorker()
            let queue = try await queue(worker, memoryFor: memory) { $0.batch = limit }
            _ = try await together(queue, worker, (0..<4).map { try request("\($0)") })
            #expect(worker.requests.map(\.outputCount) == sizes)
        }
    }

    /// What does not fit into a batch waits at its owner's own cost.
    @Test func nobodyPaysForABatchThatMemoryRefuses() async throws {
        let worker = FakeWorker()
        let queue = try await queue(worker, memoryFor: 1)
        worker.change { $0.isHeld = true }
        func run(_ prompt: String, _ owner: String) async throws {
            let request = try request(prompt)
            _ = try await queue.keep(request, owner: owner, priority: .normal, observe: { _ in })
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await run("first", "z") }
            while !worker.isBusy { await Task.yield() }
            for (index, (prompt, owner)) in [("a0", "a"), ("b0", "b"), ("a1", "a"), ("b1", "b")].enumerated() {
                group.addTask { try await run(prompt, owner) }
                while await queue.waitingCount < index + 1 { await Task.yield() }
            }
            worker.change { $0.isHeld = false }
            try await group.waitForAll()
        }
        #expect(worker.requests.map { $0.prompts } == [["first"], ["a0"], ["b0"], ["a1"], ["b1"]])
    }

    @Test func oneOfABatchThatFailsDoesNotTakeTheOthersWithIt() async throws {
        var behaviour = FakeWorker.Behaviour()
        behaviour.failures = ["doom": .noPixels]
        behaviour.isHeld = true
        let worker = FakeWorker(behaviour)
        let queue = try await queue(worker)
        let first = Task {
            try await queue.keep(try request("first"), owner: "", priority: .normal, observe: { _ in })
        }
        while !worker.isBusy { await Task.yield() }
        let bad = Task { try await queue.keep(try request("doom"), owner: "", priority: .normal, observe: { _ in }) }
        async let good = queue.keep(try request("fine"), owner: "", priority: .normal, observe: { _ in })
        while await queue.waitingCount < 2 { await Task.yield() }
        worker.change { $0.isHeld = false }
        #expect(try await good.pixels.count == 1)
        await #expect(throws: EngineError.noPixels) { try await bad.value }
        _ = try await first.value
    }

    @Test func refusesWhatCannotWait() async throws {
        let worker = FakeWorker()
        let queue = try await queue(worker) { ($0.waiting, $0.waitingPerKey, $0.batch) = (3, 2, 1) }
        let tasks = try await fill(queue, worker, owners: ["a", "a", "a"])
        await #expect(throws: APIError.self) { try await queue.reserve(for: "a") }
        let more = try await fill(queue, worker, owners: ["b"])
        do {
            try await queue.reserve(for: "c")
            Issue.record("there was room")
        } catch {
            #expect(error.status.code == 429 && error.code == "queue_full")
            #expect((1...60).contains(error.retryAfter ?? 0))
        }
        for task in tasks + more { task.cancel() }
        for task in tasks + more { _ = await task.result }
        #expect(await queue.waitingCount == 0)
        // What is reserved counts until it is given back.
        for _ in 0..<2 { try await queue.reserve(for: "c") }
        await #expect(throws: APIError.self) { try await queue.reserve(for: "c") }
        await queue.release(for: "c")
        try await queue.reserve(for: "c")
    }

    /// One request for each owner, the first of them running, without an end, if none runs yet.
    private func fill(
        _ queue: GenerationQueue, _ worker: FakeWorker, owners: [String]
    ) async throws -> [Task<GenerationQueue.Kept, any Error>] {
        worker.change { $0.isHeld = true }
        var tasks: [Task<GenerationQueue.Kept, any Error>] = []
        for owner in owners {
            let (before, running) = (await queue.waitingCount, await queue.runningCount)
            tasks.append(
                Task {
                    try await queue.keep(try request("long"), owner: owner, priority: .normal, observe: { _ in })
                })
            while await queue.waitingCount + queue.runningCount == before + running { await Task.yield() }
        }
        return tasks
    }

    @Test func cancellingWhatWaitsAndWhatRunsEndsEachOnce() async throws {
        let worker = FakeWorker()
        let queue = try await queue(worker)
        var random = SplitMix(state: 11)
        // Three cancellations each.
        for _ in 0..<(Effort.isExhaustive ? 3400 : 40) {
            var tasks: [Task<Void, Never>] = []
            for number in 0..<6 {
                let request = try request("\(number)") { $0.numInferenceSteps = 3 }
                tasks.append(
                    Task {
                        _ = try? await queue.keep(request, owner: "\(number % 2)", priority: .normal, observe: { _ in })
                    })
            }
            for _ in 0..<3 {
                for _ in 0..<Int.random(in: 0...200, using: &random) { await Task.yield() }
                tasks.randomElement(using: &random)?.cancel()
            }
            // A continuation that is never resumed would hang here; one resumed twice ends the process.
            for task in tasks { await task.value }
        }
        let left = await queue.waitingCount + queue.runningCount
        #expect(left == 0)
        #expect(!worker.isBusy)
    }

    @Test func aQueueThatClosesSendsTheWaitingAway() async throws {
        let worker = FakeWorker()
        let queue = try await queue(worker)
        let tasks = try await fill(queue, worker, owners: ["a", "b", "c"])
        await queue.close()
        for task in tasks.dropFirst() {
            await #expect(throws: EngineError.closed) { try await task.value }
        }
        await #expect(throws: APIError.self) { try await queue.reserve(for: "a") }
        tasks[0].cancel()
        _ = await tasks[0].result
    }
}

/// The worker that really computes.
@Suite struct BatchTests {
    /// Images are the same to the byte, by themselves and in a batch.
    @Test(arguments: [
        (1, TinyCheckpoint.path(), 32, 3, DType.float32), (4, TinyCheckpoint.path(), 32, 3, .float32),
        (4, TinyCheckpoint.path(), 48, 2, .bfloat16), (4, "demo-image", 64, 3, .float32),
        (4, "demo-image", 128, 2, .float32), (2, "demo-image", 96, 2, .bfloat16),
    ])
    func anImageDoesNotDependOnWhoWaitsBesideIt(
        _ batch: Int, _ path: String, _ side: Int, _ steps: Int, _ dtype: DType
    ) async throws {
        var configuration = WorkerConfiguration(model: try await ModelLocation.path(of: path))
        (configuration.options.plan.dtype, configuration.threads) = (dtype, 2)
        let worker = try InProcessWorker(configuration)
        let pool = WorkerPool([worker])
        let model = try ServedModel("tiny", try await pool.start { _ in }, workers: pool, configuration)
        var limits = ServerLimits()
        limits.batch = batch
        let queue = GenerationQueue(model, limits)
        let everyoneWaits = Mutex(false)
        let requests = try (0...4).map { seed in
            var request = GenerationRequest(prompts: ["image \(seed)"])
            (request.height, request.width, request.numInferenceSteps) = (side, side, steps)
            (request.seeds, request.maxSequenceLength) = ([UInt64(seed)], 16)
            return try model.admission.admit(request).request
        }
        // The first one keeps the worker busy until the others wait.
        let first = Task {
            try await queue.keep(requests[0], owner: "", priority: .normal) { _ in
                while !everyoneWaits.withLock({ $0 }) { usleep(1000) }
            }
        }
        while await queue.runningCount == 0 { await Task.yield() }
        let tasks = requests.dropFirst().map { request in
            Task { try await queue.keep(request, owner: "", priority: .normal, observe: { _ in }) }
        }
        while await queue.waitingCount < tasks.count { await Task.yield() }
        everyoneWaits.withLock { $0 = true }
        _ = try await first.value
        var companions: [Int] = []
        for (request, task) in zip(requests.dropFirst(), tasks) {
            let outcome = try await task.value
            companions.append(outcome.companions)
            let alone = try await worker.generate(request) { _ in }.pixels
            let isTheSame = alone == outcome.pixels
            #expect(isTheSame)
        }
        #expect(companions == Array(repeating: batch, count: 4))
    }
}

extension GenerationQueue {
    /// What came of a request, kept in memory.
    struct Kept: Sendable {
        let pixels: PixelBatch
        let companions: Int
    }

    func keep(
        _ request: GenerationRequest, owner: String, priority: Priority,
        observe: @escaping ProgressObserver = { _ in }
    ) async throws -> Kept {
        let collector = OutputCollector()
        let outcome = try await run(
            request, owner: owner, priority: priority, observe: observe, deliver: collector.add)
        return Kept(pixels: try #require(collector.pixels), companions: outcome.companions)
    }
}
