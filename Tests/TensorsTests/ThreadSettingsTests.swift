import Foundation
import Tensors
import Testing

/// What one thread is told, no other hears of.
@Suite struct ThreadSettingsTests {
    /// A device's thread.
    private actor Worker {
        private let thread: DeviceThread
        nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

        init(threads: Int? = nil) { thread = DeviceThread(name: "settings", threads: threads) }
        deinit { thread.close() }

        var threads: Int { ThreadSettings.threads }
        var allowsTF32Convolutions: Bool { ThreadSettings.allowsTF32Convolutions }
        func allowTF32Convolutions(_ may: Bool) { ThreadSettings.allowsTF32Convolutions = may }
    }

    @Test func allowsTF32ToItsThreadAlone() async {
        let (wide, narrow) = (Worker(), Worker())
        #expect(await !wide.allowsTF32Convolutions)
        await narrow.allowTF32Convolutions(true)
        #expect(await narrow.allowsTF32Convolutions)
        #expect(await !wide.allowsTF32Convolutions)
        let late = Worker()
        #expect(await !late.allowsTF32Convolutions)
        await wide.allowTF32Convolutions(false)
        #expect(await narrow.allowsTF32Convolutions)
    }

    @Test func countsThreadsForItsThreadAlone() async {
        let (one, three) = (Worker(threads: 1), Worker(threads: 3))
        #expect(await one.threads == 1)
        #expect(await three.threads == 3)
        let usual = Worker()
        #expect(await usual.threads == ThreadSettings.usualThreads)
        #expect(await one.threads == 1)
    }

    @Test(arguments: [0, -1, Int.min]) func usesOneThreadAtLeast(_ threads: Int) async {
        #expect(await Worker(threads: threads).threads == 1)
    }

    @Test func usuallyUsesNoMoreThreadsThanMayRun() {
        let variables = ProcessInfo.processInfo.environment
        guard variables["OMP_NUM_THREADS"] == nil, variables["MKL_NUM_THREADS"] == nil else { return }
        #expect((1...HostResources.current.processors).contains(ThreadSettings.usualThreads))
    }
}
