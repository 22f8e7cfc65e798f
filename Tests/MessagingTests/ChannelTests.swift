import CZeroMQ
import Foundation
import Messaging
import Synchronization
import Testing

@Suite struct ChannelTests {
    /// Two ends, and what each was told.
    private final class Pair: Sendable {
        let engine, worker: Channel
        let folder: String
        var path: String { "\(folder)/socket" }

        init(engineKey: MessageKey, workerKey: MessageKey) throws {
            let folder = NSTemporaryDirectory() + "messaging-\(UUID())"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            self.folder = folder
            let (toEngine, toWorker) = (EventLog(), EventLog())
            engine = try Channel(.engine, at: "\(folder)/socket", key: engineKey) { toEngine.append($0) }
            worker = try Channel(.worker, at: "\(folder)/socket", key: workerKey) { toWorker.append($0) }
            (self.toEngine, self.toWorker) = (toEngine, toWorker)
        }

        let toEngine, toWorker: EventLog

        deinit {
            engine.close()
            worker.close()
            try? FileManager.default.removeItem(atPath: folder)
        }
    }

    private final class EventLog: Sendable {
        private let messages = Mutex<[[UInt8]]>([])
        func append(_ event: Channel.Event) {
            if case .message(let body) = event { messages.withLock { $0.append(body) } }
        }
        var bodies: [[UInt8]] { messages.withLock { $0 } }

        /// Waits until so many messages have come, for ten seconds at most.
        func wait(for count: Int) async throws -> [[UInt8]] {
            for _ in 0..<2000 {
                if bodies.count >= count { return bodies }
                try await Task.sleep(for: .milliseconds(5))
            }
            return bodies
        }
    }

    private static func pair() throws -> Pair {
        let key = MessageKey()
        return try Pair(engineKey: key, workerKey: key)
    }

    @Test func carriesMessagesBothWaysInOrder() async throws {
        let pair = try Self.pair()
        let bodies = (0..<500).map { [UInt8](repeating: UInt8($0 % 256), count: $0) }
        for body in bodies { try pair.engine.send(body) }
        #expect(try await pair.toWorker.wait(for: 500) == bodies)
        for body in bodies { try pair.worker.send(body) }
        #expect(try await pair.toEngine.wait(for: 500) == bodies)
    }

    @Test func answersOnlyOnceTheEngineHasSpoken() async throws {
        let pair = try Self.pair()
        try pair.worker.send([1])
        try await Task.sleep(for: .milliseconds(100))
        #expect(pair.toEngine.bodies.isEmpty)
        try pair.engine.send([2])
        #expect(try await pair.toEngine.wait(for: 1) == [[1]])
    }

    @Test func hearsNobodyWithAnotherKey() async throws {
        let pair = try Pair(engineKey: MessageKey(), workerKey: MessageKey())
        for _ in 0..<10 { try pair.engine.send([1, 2, 3]) }
        for _ in 0..<2000 where pair.worker.refusedMessages < 10 { try await Task.sleep(for: .milliseconds(5)) }
        #expect(pair.worker.refusedMessages == 10)
        #expect(pair.toWorker.bodies.isEmpty)
    }

    @Test func goesOnAfterAThousandMessagesOfAStranger() async throws {
        let pair = try Self.pair()
        try pair.engine.send([1])
        #expect(try await pair.toWorker.wait(for: 1) == [[1]])
        let context = try #require(zmq_ctx_new())
        let stranger = try #require(zmq_socket(context, ZMQ_DEALER))
        #expect(zmq_connect(stranger, "ipc://\(pair.path)") == 0)
        var random = SystemRandomNumberGenerator()
        for index in 0..<1000 {
            let parts = index % 4 + 1
            for part in 0..<parts {
                var bytes = (0..<Int.random(in: 0...300)).map { _ in UInt8.random(in: 0...255, using: &random) }
                if index.isMultiple(of: 3) { bytes = Array("VGMw".utf8) + bytes }
                #expect(zmq_send(stranger, bytes, bytes.count, part < parts - 1 ? ZMQ_SNDMORE : 0) >= 0)
            }
        }
        for _ in 0..<2000 where pair.worker.refusedMessages < 1000 { try await Task.sleep(for: .milliseconds(5)) }
        #expect(pair.worker.refusedMessages == 1000)
        try pair.engine.send([2])
        #expect(try await pair.toWorker.wait(for: 2) == [[1], [2]])
        try pair.worker.send([3])
        #expect(try await pair.toEngine.wait(for: 1) == [[3]])
        zmq_close(stranger)
        zmq_ctx_term(context)
    }

    @Test func refusesWhatIsTooLong() throws {
        let pair = try Self.pair()
        let body = [UInt8](repeating: 0, count: Channel.longestMessage + 1)
        #expect(throws: MessagingError.tooLong(bytes: body.count, limit: body.count - 1)) {
            try pair.engine.send(body)
        }
    }

    @Test func saysWhyASocketCannotBeOpened() {
        #expect { try Channel(.worker, at: "/nowhere/socket", key: MessageKey()) { _ in } } throws: { error in
            "\(error)".contains("/nowhere/socket")
        }
    }

    @Test func sharedMemoryGivesBackWhatItTook() throws {
        let buffer = try SharedBuffer()
        let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        for count in [3_000_000, 0, 17] {
            try buffer.clear(to: count)
            // The parts of the whole in any order.
            try buffer.write(bytes[count / 3..<count], at: count / 3)
            try buffer.write(bytes[..<(count / 3)], at: 0)
            #expect(try buffer.take(count) == Array(bytes[..<count]))
        }
        try buffer.clear(to: 2)
        #expect(throws: MessagingError.self) { try buffer.take(3) }
    }

    @Test func sharedMemoryTakesOneThingAfterTheOther() throws {
        let buffer = try SharedBuffer()
        let things = [100_000, 0, 17, 3_000_000].map { count in
            (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        }
        // What is taken out makes no room for what is added.
        for _ in 0..<2 {
            var places: [Int] = []
            for thing in things { places.append(try buffer.append(thing)) }
            for (thing, place) in zip(things, places).reversed() {
                #expect(try buffer.take(thing.count, at: place) == thing)
            }
        }
        #expect(throws: MessagingError.self) { try buffer.take(1, at: 2 * things.map(\.count).reduce(0, +)) }
        try buffer.clear(to: 0)
        #expect(try buffer.append([1]) == 0)
    }
}
