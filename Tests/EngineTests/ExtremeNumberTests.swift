import Diffusion
import Engine
import Files
import Foundation
import Layers
import Models
import Tensors
import TestKit
import Testing

/// Checkpoints in which one number of one config is beyond all bounds: each opens, or is refused in one sentence.
@DeviceActor @Suite struct ExtremeNumberTests {
    /// More models and kinds of values take minutes; the few show every kind of check.
    private nonisolated static let isExhaustive = ProcessInfo.processInfo.environment["VISUALGEN_TEST_ALL"] != nil
    private static let few: [any Sendable] = [0, -1, 1 << 62, 1e300]
    private static let more: [any Sendable] = [
        1, 1 << 31, 1 << 24, (1 << 24) + 1, Int.max, Int.min, 0x1p64, -1e300, 1e-300, 0.5, "NaN", true, NSNull(),
        [Int](), [1 << 62],
    ]

    private static let configs = [
        "model_index.json", "scheduler/scheduler_config.json", "transformer/config.json", "transformer_2/config.json",
        "text_encoder/config.json", "text_encoder_2/config.json", "image_encoder/config.json", "vae/config.json",
        "image_processor/preprocessor_config.json", "tokenizer/tokenizer_config.json",
        "tokenizer_2/tokenizer_config.json",
    ]

    private nonisolated static let models =
        ["flux1-tiny-dev", "wan2.1-tiny-i2v"] + (isExhaustive ? ["wan2.2-tiny-i2v-a14b", "wan2.2-tiny-ti2v-5b"] : [])

    @Test(arguments: models)
    func openOrAreRefusedInASentence(_ model: String) throws {
        let copy = try TinyCheckpoint(copying: model)
        try copy.editJSON("model_index.json") {
            $0["_visualgen_defaults"] = [
                "height": 64, "width": 64, "num_frames": 5, "num_inference_steps": 2, "frame_rate": 8.0,
                "guidance_scale": 2.0,
            ]
        }
        #expect(try open(copy.path, loading: true) == nil)
        for file in Self.configs where FileManager.default.fileExists(atPath: copy.file(file)) {
            let url = URL(fileURLWithPath: copy.file(file))
            let original = try Data(contentsOf: url)
            let tree = try JSONSerialization.jsonObject(with: original)
            // Read only by what is loaded before weights are.
            let isLoaded = file.hasPrefix("tokenizer") || file.hasPrefix("image_processor")
            for place in JSONPlace.numbers(in: tree) {
                for value in Self.few + (Self.isExhaustive ? Self.more : []) {
                    try JSONSerialization.data(withJSONObject: place.setting(value, in: tree)).write(to: url)
                    guard let error = try open(copy.path, loading: isLoaded) else { continue }
                    let failure = Failure(of: error)
                    #expect(failure.kind != .bug, "\(file), \(place) = \(value): \(failure.message)")
                    #expect(!failure.message.contains("\n") && failure.message.utf8.count < 600, "\(failure.message)")
                }
            }
            try original.write(to: url)
        }
    }

    /// All that is done before anything is computed.
    ///
    /// - Returns: why not, or nil
    private func open(_ path: String, loading isLoaded: Bool) throws -> (any Error)? {
        var request = GenerationRequest(prompts: ["a lake"])
        request.seeds = [1]
        do {
            let model = try Catalog.model(at: path)
            let options = PipelineOptions()
            if model.checkpoint.pipelineClass == "WanImageToVideoPipeline" {
                let pixels = [UInt8](repeating: 0, count: 48)
                request.images = [try RequestImage(name: "a", height: 4, width: 4, pixels: pixels)]
            }
            _ = model.warmUpSizes
            let resolved = try model.resolve(request)
            _ = try model.memory(of: resolved, options).peak(within: nil)
            for steps in [1, 2, 50] {
                let scheduler = try model.checkpoint.scheduler()
                try scheduler.requireFinite(scheduler.schedule(steps: steps, mu: 0.8), for: resolved)
            }
            if isLoaded { _ = try model.load(options) }
            return nil
        } catch {
            return error
        }
    }
}

/// Where a value stands in a tree of JSON.
private struct JSONPlace: CustomStringConvertible {
    private enum Step {
        case key(String)
        case index(Int)
    }

    private var steps: [Step] = []

    var description: String {
        steps.map { if case .key(let key) = $0 { key } else { "[]" } }.joined(separator: ".")
    }

    /// Every number's place; of a list's the first and the last.
    static func numbers(in tree: Any) -> [JSONPlace] {
        switch tree {
        case let object as [String: Any]:
            return object.keys.sorted().flatMap { key in
                numbers(in: object[key] ?? NSNull()).map { $0.within(.key(key)) }
            }
        case let list as [Any]:
            return Set([0, list.count - 1]).sorted().filter(list.indices.contains)
                .flatMap { index in numbers(in: list[index]).map { $0.within(.index(index)) } }
        case let number as NSNumber: return String(cString: number.objCType) == "c" ? [] : [JSONPlace()]
        default: return []
        }
    }

    func setting(_ value: Any, in tree: Any) -> Any { Self.setting(value, in: tree, at: steps[...]) }

    private static func setting(_ value: Any, in tree: Any, at steps: ArraySlice<Step>) -> Any {
        switch steps.first {
        case .key(let key):
            var object = tree as? [String: Any] ?? [:]
            object[key] = setting(value, in: object[key] ?? NSNull(), at: steps.dropFirst())
            return object
        case .index(let index):
            var list = tree as? [Any] ?? []
            list[index] = setting(value, in: list[index], at: steps.dropFirst())
            return list
        case nil: return value
        }
    }

    private func within(_ step: Step) -> JSONPlace {
        var place = self
        place.steps.insert(step, at: 0)
        return place
    }
}
