package import Layers
package import Tensors

/// Qwen2.5-VL's vision tower: a transformer over the patches of an image, most of whose layers look through windows.
// Source: huggingface/transformers 5.23.0, models/qwen2_5_vl/modeling_qwen2_5_vl.py.
package struct Qwen25VLVisionModel {
    package let config: Qwen25VLVisionConfig
    private let patchEmbedding: Linear
    private let blocks: [Qwen25VLVisionBlock]
    private let merger: Qwen25VLPatchMerger
    private let plan: ComputePlan

    /// Reads the tower.
    ///
    /// - Parameters:
    ///   - weights: the view of `visual`
    ///   - config: its part of `config.json`
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(_ weights: Weights, _ config: Qwen25VLVisionConfig) throws {
        patchEmbedding = try Linear(
            weights["patch_embed"]["proj"],
            patch: [config.inChannels, config.temporalPatchSize, config.patchSize, config.patchSize],
            to: config.hiddenSize, bias: false)
        blocks = try (0..<config.depth).map { try Qwen25VLVisionBlock(weights["blocks"][$0], config) }
        merger = try Qwen25VLPatchMerger(weights["merger"], config)
        (self.config, plan) = (config, weights.plan)
    }

    /// What is seen in one image.
    ///
    /// - Parameters:
    ///   - patches: `[patches, patchWidth]`, as ``Qwen2VLImageProcessor`` makes them
    ///   - grid: where they lie
    ///   - observe: is given the embedded patches in their order, then what each layer makes of them, window after
    ///     window, each `[1, patches, width]`
    /// - Returns: one token for each cell, row after row, `[1, tokens, outHiddenSize]`
    package func callAsFunction(
        _ patches: Tensor, _ grid: VisionGrid, observe: (Tensor) -> Void = { _ in }
    ) throws(TensorError) -> Tensor {
        let (windows, cell) = (VisionWindows(grid, side: config.windowSide), grid.merge * grid.merge)
        let embedded = try patchEmbedding(patches.to(plan.dtype, on: plan.device)).to(.float32).unsqueezed(0)
        observe(embedded)
        let order = try index(windows.order.flatMap { place in (0..<cell).map { cell * place + $0 } })
        var x = try embedded.gathered(order, axis: 1)
        let rotary = try rotary(grid).mapped { table throws(TensorError) in try table.gathered(order, axis: 0) }
        let near = windows.runs.map { VisionWindows.Run(count: $0.count, length: cell * $0.length) }
        let whole = [VisionWindows.Run(count: 1, length: grid.patches)]
        for (number, block) in blocks.enumerated() {
            x = try block(x, rotary, config.fullattBlockIndexes.contains(number) ? whole : near)
            observe(x)
        }
        return try merger(x).gathered(index(windows.places), axis: 1)
    }

    private func index(_ places: [Int]) throws(TensorError) -> Tensor {
        try Tensor(places.map(Int32.init), shape: [places.count], on: plan.device)
    }

    /// Half of a head's pairs turn with the row, half with the column.
    private func rotary(_ grid: VisionGrid) throws(TensorError) -> RotaryEmbedding {
        let axis = LanguageModelRotary(
            base: config.ropeParameters?.ropeTheta ?? 10_000, headWidth: config.headWidth / 2)
        let frequencies = axis.frequencies
        return try RotaryEmbedding(positions: grid.positions.map { [$0.row, $0.column] }, on: plan.device) { _, place in
            frequencies.map { Double(Float(place) * $0) }
        }
    }
}
