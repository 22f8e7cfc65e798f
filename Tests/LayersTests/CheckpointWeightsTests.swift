import Foundation
import Layers
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct CheckpointWeightsTests {
    /// Where the type is the one wanted, loading must take no memory: the file's pages are the tensor.
    @Test func isTheFilesOwnMemoryWhenTheTypeIsTheOneWanted() throws {
        let megabytes = 64
        let floats = [Float](repeating: 1, count: megabytes << 18)
        let weights = try TinyWeights([.init(name: "w", shape: [megabytes, 1 << 18], floats: floats)])
        let before = try anonymousMegabytes()
        let tensor = try weights.view().tensor("w", megabytes, 1 << 18)
        let after = try anonymousMegabytes()
        #expect(after - before < megabytes / 4)
        #expect(try tensor.slice(3..<4, axis: 0).max() == 1)
    }

    @Test func keepsTheMappingWhileATensorLives() throws {
        let tensor: Tensor
        do { tensor = try TinyWeights(["w": [1000, 1000]]).view().tensor("w", 1000, 1000) }
        #expect(try tensor.slice(999..<1000, axis: 0).slice(999..<1000, axis: 1).floats() == [1_000_000])
    }

    @Test(arguments: [DType.float32, .bfloat16, .float16, .float64])
    func convertsToTheTypeWanted(_ dtype: DType) throws {
        let weights = try TinyWeights(["w": [2, 3]])
        for _ in 0..<2 {
            let tensor = try weights.view(ComputePlan(dtype: dtype)).tensor("w", 2, 3)
            #expect(tensor.dtype == dtype)
            #expect(try tensor.floats() == [1, 2, 3, 4, 5, 6])
        }
    }

    /// The pages let go after a conversion must come back with the same numbers.
    @Test func givesTheSameNumbersAgainAfterAConversion() throws {
        let source = try TinyWeights(["w": [300, 100]]).source()
        let half = try source.tensor("w", shape: [300, 100], plan: ComputePlan(dtype: .bfloat16))
        let full = try source.tensor("w", shape: [300, 100], plan: ComputePlan())
        #expect(try full.floats() == (1...30000).map(Float.init))
        #expect(try half.floats() == full.to(.bfloat16).floats())
    }

    /// The format promises no alignment; such tensors are copied.
    @Test func readsTensorsThatAreNotAligned() throws {
        let folder = try TemporaryFolder()
        let header =
            #"{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"#
            + #""w":{"dtype":"F32","shape":[2],"data_offsets":[3,11]}}"#
        var bytes = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
        bytes.append(contentsOf: Data(header.utf8))
        bytes.append(contentsOf: [1, 2, 3, 0, 0, 128, 63, 0, 0, 0, 192])
        try bytes.write(to: URL(fileURLWithPath: folder.file("model.safetensors")))
        let source = try CheckpointWeights(folder: folder.path)
        #expect(try source.tensor("w", shape: [2], plan: ComputePlan()).floats() == [1, -2])
    }

    @Test func listsEveryKey() throws {
        let source = try TinyWeights(["b": [1], "a.weight": [1]]).source()
        #expect(source.keys == ["a.weight", "b"])
        #expect(source.contains("b"))
        #expect(!source.contains("a"))
    }

    @Test func readsAShardedCheckpointAsOne() throws {
        let source = try CheckpointWeights(folder: "\(TinyCheckpoint.path())/transformer")
        let single = try TinyCheckpoint()
        try single.rewriteTensors(of: "transformer") { _ in }
        let whole = try CheckpointWeights(folder: single.file("transformer"))
        #expect(source.keys == whole.keys)
        #expect(source.keys.count > 50)
    }

    /// Memory of this process that no file stands behind.
    private func anonymousMegabytes() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") })
        return try #require(Int(line.split(separator: " ").dropFirst().first ?? "")) / 1024
    }
}

@DeviceActor @Suite struct RandomWeightsTests {
    @Test func givesTheSameNumbersForTheSameSeed() throws {
        let draws = try [1, 1, 2 as UInt64].map { seed in
            let weights = Weights(RandomWeights(seed: seed))
            return try weights["a"].tensor("weight", 4, 5).floats() + weights.tensor("bias", 3).floats()
        }
        #expect(draws[0] == draws[1])
        #expect(draws[0] != draws[2])
    }

    @Test func hasTheDeviationAskedFor() throws {
        let values = try Weights(RandomWeights(deviation: 0.5)).tensor("w", 100, 100).floats()
        let variance = values.map { $0 * $0 }.reduce(0, +) / 10000
        #expect(abs(variance.squareRoot() - 0.5) < 0.02)
    }

    @Test func answersToEveryNameInThePlansType() throws {
        let weights = Weights(RandomWeights(), plan: ComputePlan(dtype: .bfloat16))
        #expect(weights["any"][7].contains("name"))
        #expect(try weights.tensor("w", 2, 2).dtype == .bfloat16)
        try weights.requireAllRead()
    }
}

@DeviceActor @Suite struct WeightListingTests {
    @Test func notesNamesAndShapesInOrder() throws {
        let listing = WeightListing()
        let weights = Weights(listing)
        _ = try Linear(weights["a"][0], from: 3, to: 2)
        weights.disregard("old")
        weights.disregard(part: "older")
        #expect(listing.entries.map(\.key) == ["a.0.weight", "a.0.bias"])
        #expect(listing.entries.map(\.shape) == [[2, 3], [2]])
        #expect(listing.disregarded == [.one("old"), .part("older.")])
        let (known, unknown) = listing.surplus(of: ["a.0.bias", "older.x", "olds", "old", "b"])
        #expect(known == ["older.x", "old"])
        #expect(unknown == ["olds", "b"])
        try weights.requireAllRead()
    }

    @Test(arguments: [[1 << 24, 1 << 25], [1 << 48, 1 << 48], [-1, 2], [.max, 2]])
    func refusesShapesThatNoFileHas(_ shape: [Int]) throws {
        let listing = WeightListing()
        #expect(throws: WeightError.tooLarge("w", shape)) {
            _ = try listing.tensor("w", shape: shape, plan: ComputePlan())
        }
    }

    /// A listing of a model of terabytes must be possible anywhere.
    @Test func takesNoMemory() throws {
        let tensor = try Weights(WeightListing()).tensor("w", 1 << 20, 1 << 20)
        #expect(tensor.shape == [1 << 20, 1 << 20])
    }
}
