import Diffusion
import Layers
import Models
import Tensors
import TestKit
import Testing

/// LoRA files and all that they go together with.
@DeviceActor @Suite struct LoRAMergeTests {
    private func weights(_ plans: LoRAPlan..., quantised: String? = nil) throws -> CheckpointWeights {
        let copy = try quantised.map { try TinyCheckpoint(quantised: $0) }
        let model = try (copy.map { TinyModel($0) } ?? TinyModel()).model()
        let transformer = try #require(model.components.first { $0.name == "transformer" })
        var plan = ComputePlan()
        plan.loras = plans
        return try CheckpointWeights(transformer.place, merging: transformer.merge(plan))
    }

    private func plan(_ name: String, scale: Double = 1) -> LoRAPlan {
        var plan = LoRAPlan(LoRAGolden.path(of: name))
        plan.scale = scale
        return plan
    }

    private let query = ("transformer_blocks.1.attn.to_q.weight", [32, 32])

    private func read(_ weights: CheckpointWeights, _ dtype: DType = .float32) throws -> Tensor {
        try weights.tensor(query.0, shape: query.1, plan: ComputePlan(dtype: dtype))
    }

    @Test func addsUpWhatSeveralFilesChange() throws {
        let base = try read(weights())
        let one = try read(weights(plan("flux1-peft"))) - base
        let other = try read(weights(plan("flux1-kohya"))) - base
        let both = try read(weights(plan("flux1-peft", scale: 0.7), plan("flux1-kohya", scale: -0.5)))
        #expect(try both.distance(to: base + one * 0.7 - other * 0.5) <= 1e-6)
        #expect(try both.distance(to: base) > 0.1)
    }

    @Test func changesNothingAtAScaleOfZero() throws {
        #expect(try read(weights(plan("flux1-peft", scale: 0))).floats() == read(weights()).floats())
    }

    /// The change is computed in 32 bits, and the sum rounded to the model's type once.
    @Test(arguments: [DType.bfloat16, .float16]) func roundsOnce(_ dtype: DType) throws {
        let merged = try read(weights(plan("flux1-peft")), dtype)
        #expect(merged.dtype == dtype)
        #expect(try merged.floats() == read(weights(plan("flux1-peft"))).to(dtype).floats())
    }

    /// A length of DoRA means the whole row, whatever of it a device has; the layouts' tests run such devices.
    @Test func isTheSameWithAxesInAnotherOrder() throws {
        let weights = try weights(plan("flux1-dora"))
        let turned = try weights.tensor(query.0, shape: query.1, permuted: [1, 0], plan: ComputePlan())
        #expect(try turned.floats() == read(weights).permuted(1, 0).contiguous().floats())
    }

    /// A weight that is changed some rows at a time is the one that is changed at once.
    @Test(arguments: ["", "dora", "diff"]) func changesALargeWeightByRows(_ kind: String) throws {
        let folder = try TemporaryFolder()
        let (rows, columns) = (12001, 700)
        func numbers(_ count: Int, _ period: Int) -> [Float] {
            (0..<count).map { index in Float(index % period) / Float(period) - 0.4 }
        }
        let (base, difference) = (numbers(rows * columns, 1009), numbers(rows * columns, 887))
        let (up, down, lengths) = (numbers(rows * 2, 13), numbers(2 * columns, 7), numbers(rows, 5).map { $0 + 1 })
        try SafetensorsWriter.write(
            [.init(name: "a.weight", shape: [rows, columns], floats: base)], to: folder.file("model.safetensors"))
        var tensors: [SafetensorsWriter.Tensor] = [
            .init(name: "a.lora_A.weight", shape: [2, columns], floats: down),
            .init(name: "a.lora_B.weight", shape: [rows, 2], floats: up),
        ]
        if kind == "dora" { tensors.append(.init(name: "a.dora_scale", shape: [rows, 1], floats: lengths)) }
        if kind == "diff" { tensors.append(.init(name: "a.diff", shape: [rows, columns], floats: difference)) }
        try SafetensorsWriter.write(tensors, to: folder.file("lora.safetensors"))
        let merge = try LoRAModules(.transformer(), [("a.weight", [rows, columns])])
            .merge([LoRAPlan(folder.file("lora.safetensors"))])
        let weights = try CheckpointWeights(folder: folder.path, merging: merge)
        var sum =
            try Tensor(base, shape: [rows, columns])
            + matmul(Tensor(up, shape: [rows, 2]), Tensor(down, shape: [2, columns]))
        if kind == "diff" { sum = try sum + Tensor(difference, shape: [rows, columns]) }
        if kind == "dora" { sum = try Tensor(lengths, shape: [rows, 1]) * sum / sqrt((sum * sum).sum(over: 1)) }
        for dtype in [DType.float32, .bfloat16] {
            let found = try weights.tensor("a.weight", shape: [rows, columns], plan: ComputePlan(dtype: dtype))
            #expect(try found.distance(to: sum) <= (dtype == .float32 ? 1e-5 : 1.0 / 256))
        }
    }

    /// A layer of a transformer, and a file with a change of it.
    private struct Layer {
        let folder: TemporaryFolder
        let copy: TinyCheckpoint
        let component: any InspectableComponent
        let site: LinearSite
        let plan: LoRAPlan
        /// `[to, from]`.
        let change: Tensor

        init(_ ending: String, of name: String) throws {
            copy = try TinyCheckpoint(quantised: name)
            let component = try #require(TinyModel(copy).model().components.first { $0.name == "transformer" })
            let keys = try Set(CheckpointWeights(component.place).keys)
            let site = try #require(component.listing(of: keys).linears.first { $0.name.hasSuffix(ending) })
            (self.component, self.site, folder) = (component, site, try TemporaryFolder())
            let (rows, columns) = (site.shape[0], site.shape[1])
            let up = (0..<rows).map { row in Float(row % 7) / 7 - 0.4 }
            let down = (0..<columns).map { column in Float(column % 5) / 5 - 0.3 }
            let tensors: [SafetensorsWriter.Tensor] = [
                .init(name: "\(site.name).lora_A.weight", shape: [1, columns], floats: down),
                .init(name: "\(site.name).lora_B.weight", shape: [rows, 1], floats: up),
            ]
            plan = LoRAPlan(folder.file("a.safetensors"))
            try SafetensorsWriter.write(tensors, to: plan.path)
            change = try matmul(Tensor(up, shape: [rows, 1]), Tensor(down, shape: [1, columns]))
        }

        /// The layer's quantised weight.
        func weight(_ loras: [LoRAPlan], _ plan: ComputePlan = ComputePlan()) throws -> QuantizedWeight {
            var plan = plan
            plan.loras = loras
            let weights = try CheckpointWeights(component.place, merging: component.merge(plan))
            return try #require(weights.linear(site, plan: plan) as? QuantizedLinear).weight
        }
    }

    /// What is stored in few bits is merged as exactly as these bits allow.
    @Test(arguments: ["flux1-fp8", "flux1-fp8-rows", "flux1-fp8-blocks", "flux1-int8", "flux1-nvfp4"])
    func mergesIntoQuantisedWeights(_ name: String) throws {
        let layer = try Layer("transformer_blocks.0.attn.to_v", of: name)
        let (base, merged) = (try layer.weight([]), try layer.weight([layer.plan]))
        #expect(merged.algorithm == base.algorithm)
        // Inputs are multiplied by these before.
        let stored = try CheckpointWeights(layer.component.place)
        let (key, width) = ("\(layer.site.name).pre_quant_scale", layer.site.shape[1])
        var change = layer.change
        if stored.contains(key) { change = try change / stored.tensor(key, shape: [width], plan: ComputePlan()) }
        let plain = try base.dequantized(as: .float32)
        let sum = try plain + change
        let best = try QuantizedWeight(sum, base.algorithm, largest: largestMagnitude(sum)).dequantized(as: .float32)
        let distance = try merged.dequantized(as: .float32).distance(to: sum).value
        #expect(try distance <= 1.001 * best.distance(to: sum).value)
        #expect(try distance < 0.6 * plain.distance(to: sum).value)
    }

    /// Quantised as it is loaded: from the sum in 32 bits, without a rounding between.
    @Test(arguments: QuantAlgorithm.allCases) func quantisesWhatIsMerged(_ algorithm: QuantAlgorithm) throws {
        let layer = try Layer("transformer_blocks.0.ff.net.2", of: "flux1")
        let plan = ComputePlan(dtype: .bfloat16, quantization: QuantizationPlan(algorithm))
        let found = try layer.weight([layer.plan], plan)
        let stored = try CheckpointWeights(layer.component.place)
        let plain = try stored.tensor(layer.site.weightKey, shape: layer.site.shape, plan: ComputePlan())
        let sum = try plain + layer.change
        let expected = try QuantizedWeight(sum, algorithm, largest: largestMagnitude(sum))
        #expect(try found.codes.storedBytes() == expected.codes.storedBytes())
    }

    @Test func isForeseenInMemory() throws {
        let model = try TinyModel().model()
        var plan = ComputePlan()
        let before = try model.weights(plan)
        plan.loras = [self.plan("flux1-peft")]
        let after = try model.weights(plan)
        let more = try #require(after["transformer"]?.bytes) - #require(before["transformer"]?.bytes)
        // Of the largest weight, what it becomes once more, and four copies in 32 bits.
        let largest = 32 * 256
        #expect(more == 4 * largest + 4 * 4 * largest)
        #expect(after["vae"] == before["vae"] && after["text_encoder"] == before["text_encoder"])
    }

    /// A model that is run with files is the model whose weights were changed before.
    @Test func runsAsTheMergedCheckpointDoes() throws {
        let copy = try TinyCheckpoint(copying: "flux1-tiny-dev")
        let plans = [plan("flux1-peft"), plan("flux1-clip-kohya"), plan("flux1-bias", scale: 0.5)]
        var asked = ComputePlan()
        asked.loras = plans
        for component in try TinyModel().model().components {
            let merge = try component.merge(asked)
            let weights = try CheckpointWeights(component.place, merging: merge)
            try copy.rewriteTensors(of: component.name) { tensors in
                tensors = try tensors.map { tensor in
                    guard merge.changes(tensor.name) else { return tensor }
                    let merged = try weights.tensor(tensor.name, shape: tensor.shape, plan: ComputePlan())
                    return .init(name: tensor.name, shape: tensor.shape, floats: try merged.floats())
                }
            }
        }
        var request = GenerationRequest(prompts: ["a lake"])
        (request.height, request.width, request.numInferenceSteps, request.seeds) = (32, 32, 2, [1])
        let merged = try TinyModel().run(request, plan: asked).1
        let rewritten = try TinyModel(copy).run(request, plan: ComputePlan()).1
        let plain = try TinyModel().run(request, plan: ComputePlan()).1
        for name in ["pooled_prompt_embeds", "latents.step1"] {
            let (found, expected) = (try #require(merged[name]?.values), try #require(rewritten[name]?.values))
            let size = expected.reduce(1) { max($0, abs($1)) }
            let worst = zip(found, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
            #expect(found.count == expected.count && worst <= 1e-5 * size, "\(name): \(worst)")
            #expect(found != plain[name]?.values, "\(name)")
        }
    }
}
