import Foundation
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct DeviceTests {
    @Test func runsOnTheCPU() throws {
        try Device.cpu.check()
        try Device.cpu.enter()
        try Device.cpu.synchronize()
        try Device.cpu.resetPeakMemory()
        #expect(try Device.cpu.memory() == nil)
    }

    /// No machine has so many.
    @Test func saysWhyADeviceCannotBeUsed() throws {
        let error = try #require(throws: TensorError.self) { try Device.cuda(127).check() }
        #expect(error.message.hasPrefix("no NVIDIA driver") || error.message.hasPrefix("this machine has"))
    }
}

@DeviceActor @Suite struct StopwatchTests {
    @Test func countsFromItsStart() throws {
        let start = ContinuousClock.now
        let stopwatch = try Stopwatch()
        Thread.sleep(forTimeInterval: 0.02)
        let first = try stopwatch.elapsed()
        #expect(first >= 0.02)
        let second = try stopwatch.elapsed()
        #expect(second >= first)
        #expect(second <= (ContinuousClock.now - start) / .seconds(1))
    }
}

@DeviceActor @Suite struct ProfileTests {
    private struct Refusal: Error {}

    @Test func recordsWhatABodyRuns() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).json").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        for _ in 1...2 {
            let sum = try Profile.record(to: path, on: .cpu) { try tensor([4], seed: 1) + tensor([4], seed: 2) }
            #expect(sum.count == 4)
            let text = try String(contentsOfFile: path, encoding: .utf8)
            #expect(text.contains("\"aten::add\""))
        }
    }

    @Test func endsWhereTheBodyFails() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).json").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(throws: Refusal.self) { try Profile.record(to: path, on: .cpu) { throw Refusal() } }
        #expect(FileManager.default.fileExists(atPath: path))
    }

    @Test func recordsNothingUnlessAsked() throws {
        #expect(try Profile.record(to: nil, on: .cpu) { 3 } == 3)
    }
}
