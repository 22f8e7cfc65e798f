import Layers
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct WeightsTests {
    @Test func viewsPartsByNameAndNumber() throws {
        let weights = try TinyWeights(["blocks.3.norm.weight": [2], "weight": [3]]).view()
        #expect(try weights["blocks"][3]["norm"].tensor("weight", 2).floats() == [1, 2])
        #expect(try weights.tensor("weight", 3).floats() == [1, 2, 3])
        try weights.requireAllRead()
    }

    @Test func namesAMissingTensorInFull() throws {
        let weights = try TinyWeights(["a.weight": [2]])
        let error = try #require(throws: WeightError.self) { _ = try weights.view()["b"][0].tensor("weight", 2) }
        #expect(error == .missing("b.0.weight", in: weights.folder.file("model.safetensors")))
        #expect("\(error)".contains("b.0.weight"))
    }

    @Test(arguments: [[3, 2], [6], [2, 3, 1], [], [2, 2]])
    func refusesAnotherShape(_ shape: [Int]) throws {
        let weights = try TinyWeights(["a.weight": [2, 3]])
        let source = try weights.source()
        let error = try #require(throws: WeightError.self) {
            _ = try source.tensor("a.weight", shape: shape, plan: ComputePlan())
        }
        #expect(
            error
                == .shape(
                    "a.weight", in: weights.folder.file("model.safetensors"), expected: shape, found: [2, 3]))
        #expect("\(error)".contains("a.weight has shape [2, 3], the config asks for \(shape)"))
    }

    /// Files hold more types than a model has use of, packed ones too.
    @Test(arguments: SafetensorsDtype.allCases.filter { DType($0)?.isFloatingPoint != true })
    func refusesTypesThatAreNoFloats(_ dtype: SafetensorsDtype) throws {
        let bytes = [UInt8](repeating: 0, count: dtype.bitSize)
        let weights = try TinyWeights([.init(name: "w", dtype: dtype, shape: [8], bytes: bytes)])
        let error = try #require(throws: WeightError.self) { _ = try weights.view().tensor("w", 8) }
        #expect("\(error)".contains("w has type \(dtype.rawValue), a float type is needed"))
    }

    @Test func namesWhatNobodyRead() throws {
        let tiny = try TinyWeights(["a.weight": [1], "b.weight": [1], "c": [1]])
        let weights = try tiny.view()
        _ = try weights["a"].tensor("weight", 1)
        #expect(throws: WeightError.unread(["b.weight", "c"], in: tiny.folder.path)) { try weights.requireAllRead() }
    }

    @Test func namesTheFirstOfManyThatNobodyRead() throws {
        let names = (0..<12).map { "tensor\($0 + 10)" }
        let weights = try TinyWeights(names.map { .init(name: $0, shape: [1], floats: [0]) }).view()
        let error = try #require(throws: WeightError.self) { try weights.requireAllRead() }
        #expect("\(error)".contains("\"tensor17\" and 4 more"))
        #expect("\(error)".contains("--allow-unknown"))
        #expect(!"\(error)".contains("tensor18"))
    }

    @Test func countsWhatIsDisregardedAsRead() throws {
        let weights = try TinyWeights(["a.weight": [1], "a.position_ids": [1]]).view()
        _ = try weights["a"].tensor("weight", 1)
        weights["a"].disregard("position_ids")
        weights["a"].disregard("not there at all")
        try weights.requireAllRead()
    }

    @Test func countsAllOfAPartThatIsDisregardedAsRead() throws {
        let tiny = try TinyWeights(["a.decoder.0.weight": [1], "a.decoder": [1], "a.decoders.bias": [1]])
        let weights = try tiny.view()
        weights["a"].disregard(part: "decoder")
        #expect(throws: WeightError.unread(["a.decoder", "a.decoders.bias"], in: tiny.folder.path)) {
            try weights.requireAllRead()
        }
    }

    @Test func namesTheIndexThatPromisesAMissingTensor() throws {
        let folder = try SafetensorsFolder()
        try folder.writeTensors("m-1.safetensors", "a")
        try folder.write(
            "model.safetensors.index.json",
            #"{"weight_map":{"a":"m-1.safetensors","b":"m-1.safetensors","c":"m-2.safetensors"}}"#)
        let weights = Weights(try CheckpointWeights(folder: folder.path))
        #expect(try weights.tensor("a", 2).floats() == [1, 2])
        for (key, names) in [("b", ["index", "m-1."]), ("c", ["index", "m-2."]), ("d", ["index"])] {
            let error = try #require(throws: WeightError.self) { _ = try weights.tensor(key, 2) }
            for name in names + [key] { #expect("\(error)".contains(name)) }
        }
    }

    @Test func findsAPartUnderTheSpellingItHas() throws {
        for (key, expected) in [("new.norm.weight", "new.norm.weight"), ("norm.weight", "norm.weight")] {
            let weights = try TinyWeights([.init(name: key, shape: [1], floats: [7])]).view()
            let part = weights.first(of: ["old", "new", ""], having: "norm.weight")
            #expect(try part["norm"].tensor("weight", 1).floats() == [7], "\(expected)")
        }
    }

    @Test func takesThePublishedSpellingWhenNoneIsThere() throws {
        let weights = try TinyWeights(["other": [1]]).view()
        let part = weights.first(of: ["old", "new", ""], having: "norm.weight")
        let error = try #require(throws: WeightError.self) { _ = try part.tensor("norm.weight", 1) }
        #expect("\(error)".contains("old.norm.weight"))
    }

    @Test func tellsWhatACheckpointHas() throws {
        let weights = try TinyWeights(["a.weight": [1]]).view()
        #expect(weights["a"].contains("weight"))
        #expect(!weights["a"].contains("bias"))
        #expect(!weights.contains("weight"))
    }

    @Test func handsThePlanToEveryPart() throws {
        let weights = try TinyWeights(["a.b.weight": [2]]).view(ComputePlan(dtype: .bfloat16))
        #expect(weights["a"]["b"].plan.dtype == .bfloat16)
        #expect(try weights["a"]["b"].tensor("weight", 2).dtype == .bfloat16)
    }
}
