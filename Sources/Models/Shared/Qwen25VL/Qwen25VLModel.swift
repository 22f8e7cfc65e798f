package import Layers
package import Tensors

/// Qwen2.5-VL as an encoder of texts and of the images in them.
// Source: huggingface/transformers 5.23.0, models/qwen2_5_vl/modeling_qwen2_5_vl.py.
package struct Qwen25VLModel {
    package let language: LanguageModel
    /// Nil where nobody brings images.
    package let vision: Qwen25VLVisionModel?

    /// Reads the model.
    ///
    /// - Parameters:
    ///   - weights: the view of the component
    ///   - config: the language model's part of its `config.json`
    ///   - vision: the vision tower's; nil leaves the tower out
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(_ weights: Weights, _ config: Qwen25VLTextConfig, vision: Qwen25VLVisionConfig? = nil) throws {
        let leftOut = LanguageModel.heads + (vision == nil ? LanguageModel.towers : [])
        language = try LanguageModel(weights, config, leavingOut: leftOut)
        self.vision = try vision.map {
            let tower = weights.first(of: ["visual", "model.visual"], having: "patch_embed.proj.weight")
            // In 32-bit floats whatever the model's type: what is seen is rounded often enough in the language model.
            return try Qwen25VLVisionModel(tower.computing(in: .float32), $0)
        }
    }

    /// What enters the language model's first layer, with what is seen in place of some tokens.
    ///
    /// - Parameters:
    ///   - ids: of one text
    ///   - placeholder: the token that is replaced wherever it stands
    ///   - seen: what replaces it, one image after the other, each `[1, tokens, width]`; as many tokens as are replaced
    /// - Returns: `[1, tokens, width]` in 32-bit floats
    package func embedded(_ ids: [Int32], replacing placeholder: Int32, by seen: [Tensor]) throws(TensorError) -> Tensor
    {
        let text = try language.embedded([ids])
        if seen.isEmpty { return text }
        var (all, next) = ([text], ids.count)
        for image in seen { all.append(try image.to(.float32)) }
        let places = ids.enumerated().map { place, id -> Int32 in
            guard id == placeholder else { return Int32(place) }
            defer { next += 1 }
            return Int32(next)
        }
        precondition(next == ids.count + seen.reduce(0) { $0 + $1.size(1) }, "tokens of images without a place")
        return try concatenate(all, axis: 1).gathered(Tensor(places, shape: [ids.count], on: text.device), axis: 1)
    }
}
