import Diffusion
import Models
import TestKit
import Testing

/// What a model says of its fields is so: one without effect changes no byte, every other one does.
@DeviceActor @Suite struct FieldEffectTests {
    private typealias Change = (inout GenerationRequest) -> Void

    private func pixels(_ model: TinyModel, _ changes: Change...) throws -> PixelBatch {
        var request = GenerationRequest(prompts: ["a lake"])
        (request.height, request.width, request.numInferenceSteps) = (32, 32, 2)
        (request.seeds, request.maxSequenceLength) = ([1], 16)
        request.negativePrompts = ["a house"]
        if model.path.contains("wan") { request.numFrames = 5 }
        if model.path.contains("i2v") { request.images = [try RequestImage(golden: "first.png")] }
        for change in changes { change(&request) }
        return try model.run(request).0
    }

    private func set(_ field: String, _ value: Double) -> Change {
        if field == "guidance_scale" { return { $0.guidanceScale = value } }
        return { $0.extra[field] = .number(value) }
    }

    @Test(arguments: [
        ("flux1-tiny-dev", "negative_prompt_2"), ("flux1-tiny-schnell", "negative_prompt_2"),
        ("wan2.1-tiny-t2v", nil), ("wan2.2-tiny-i2v-a14b", "guidance_scale_2"),
    ])
    func haveTheEffectThatTheModelSays(_ name: String, _ own: String?) throws {
        let model = TinyModel(name)
        let effects = try model.model().limitedEffects
        var changes: [(field: String, change: Change)] = [
            ("negative_prompt", { $0.negativePrompts = ["a dog"] }), ("guidance_scale", { $0.guidanceScale = 7 }),
        ]
        if let own {
            changes.append((own, { $0.extra[own] = own.hasPrefix("negative") ? .text("a dog") : .number(7) }))
        }
        for (field, change) in changes {
            switch effects[field] {
            case .never: #expect(try pixels(model) == pixels(model, change), "\(field)")
            case nil: #expect(try pixels(model) != pixels(model, change), "\(field)")
            case .whileAbove(let value, let other):
                let (off, on) = (set(other, value), set(other, value + 3))
                #expect(try pixels(model, off) == pixels(model, off, change), "\(field) at \(value)")
                #expect(try pixels(model, on) != pixels(model, on, change), "\(field) above \(value)")
            }
        }
    }

    @Test func schnellHasNoGuidance() throws {
        #expect(try TinyModel("flux1-tiny-schnell").model().limitedEffects["guidance_scale"] == .never)
        #expect(try TinyModel("flux1-tiny-dev").model().limitedEffects["guidance_scale"] == nil)
    }
}
