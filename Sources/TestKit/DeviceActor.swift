internal import Foundation
internal import Tensors

/// Where tests of tensors run: one thread in inference mode, as the engine has for each device.
@globalActor
package actor DeviceActor {
    package static let shared = DeviceActor()

    private let thread = InferenceThread()

    package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }
}

/// A thread that runs jobs in order, for as long as the process lives.
// @unchecked: `jobs` is only touched while holding `condition`.
private final class InferenceThread: SerialExecutor, @unchecked Sendable {
    private let condition = NSCondition()
    private var jobs: [UnownedJob] = []

    init() {
        let thread = Thread { [self] in
            ThreadSettings.enterInferenceMode()
            while true { next().runSynchronously(on: asUnownedSerialExecutor()) }
        }
        thread.stackSize = 16 << 20
        thread.start()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        condition.withLock {
            jobs.append(job)
            condition.signal()
        }
    }

    private func next() -> UnownedJob {
        condition.withLock {
            while jobs.isEmpty { condition.wait() }
            return jobs.removeFirst()
        }
    }
}
