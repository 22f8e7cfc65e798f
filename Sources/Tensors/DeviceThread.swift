internal import Foundation

/// One operating system thread that runs everything of one device, in inference mode.
///
/// LibTorch keeps inference mode, current device and current stream for each thread, so a serial queue, which may change
/// its thread, is not enough.
// @unchecked: `jobs` and `isClosed` are only touched while holding `condition`.
package final class DeviceThread: SerialExecutor, @unchecked Sendable {
    private let condition = NSCondition()
    private var jobs: [UnownedJob] = []
    private var isClosed = false

    /// Starts the thread.
    ///
    /// - Parameters:
    ///   - name: shown by debuggers
    ///   - threads: how many threads one operation may use; nil for ``ThreadSettings/usualThreads``
    package init(name: String, threads: Int?) {
        let thread = Thread { [self] in
            ThreadSettings.enterInferenceMode()
            // Always told: what nobody says to a thread, LibTorch takes over from the one that was told last.
            ThreadSettings.threads = threads ?? ThreadSettings.usualThreads
            while let job = next() { job.runSynchronously(on: asUnownedSerialExecutor()) }
        }
        thread.name = name
        thread.stackSize = 16 << 20
        thread.start()
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        condition.withLock {
            jobs.append(job)
            condition.signal()
        }
    }

    /// Ends the thread once its jobs are done; it lives until then.
    package func close() {
        condition.withLock {
            isClosed = true
            condition.signal()
        }
    }

    /// The next job, waited for; nil once the thread is to end.
    private func next() -> UnownedJob? {
        condition.withLock {
            while jobs.isEmpty {
                if isClosed { return nil }
                condition.wait()
            }
            return jobs.removeFirst()
        }
    }
}
