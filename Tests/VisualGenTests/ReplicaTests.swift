import Engine
import Testing
import VisualGen

/// A server's workers, where the configuration says on which devices.
@Suite struct ReplicaTests {
    /// A device that leaves open which GPU is written so that it still does: the command line hands it on as text.
    @Test(arguments: ["cpu", "cuda", "cuda:1"]) func readsTheDevicesThatItWrites(_ name: String) throws {
        #expect(try #require(VisualGenArgs.Device(name)).description == name)
        #expect(VisualGenArgs.Device("cuda:") == nil)
    }

    @Test func refusesReplicasWithoutDevices() throws {
        var args = VisualGenArgs()
        #expect(try args.replicas(3, of: args.worker(at: "model")).count == 3)
        args.device = .cuda(index: 1)
        let one = "workers is 2, but device is cuda:1, which is one GPU; cuda gives each worker its own"
        #expect {
            try args.replicas(2, of: args.worker(at: "model"))
        } throws: {
            "\($0)" == one
        }
        args.device = .cuda(index: nil)
        // No machine has as many.
        #expect {
            try args.replicas(128, of: args.worker(at: "model"))
        } throws: {
            "\($0)".hasPrefix("workers is 128, but cuda:")
        }
    }
}
