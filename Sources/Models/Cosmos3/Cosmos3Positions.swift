internal import Foundation
package import Layers
package import Tensors

extension Cosmos3 {
    /// Where tokens lie in time, row and column, as the angles by which their heads turn.
    ///
    /// Times are 32-bit floats near 15000, as the reference has them: a frame's fraction is rounded to a thousandth.
    // Source: diffusers 0.42.1, pipelines/cosmos/pipeline_cosmos3_omni.py, `get_3d_mrope_ids_vae_tokens`.
    package struct Positions {
        private let config: TransformerConfig
        private let device: Device

        /// - Parameters:
        ///   - config: of the transformer
        ///   - device: where tables go
        package init(_ config: TransformerConfig, on device: Device) { (self.config, self.device) = (config, device) }

        /// The tables of a prompt's tokens.
        ///
        /// - Parameter count: how many there are
        /// - Returns: `[count, headDim / 2]`
        package func text(_ count: Int) throws(TensorError) -> RotaryEmbedding {
            try config.rotary.tables((0..<count).map { [$0] }, on: device)
        }

        /// The tables of the tokens of a video and of its sound.
        ///
        /// - Parameters:
        ///   - textTokens: how many tokens the prompt has
        ///   - grid: the video's tokens
        ///   - rate: frames a second
        ///   - compression: frames that a latent frame stands for
        ///   - soundTokens: how many tokens the sound has
        /// - Returns: `[tokens, headDim / 2]`
        package func generated(
            after textTokens: Int, _ grid: PatchGrid, rate: Double, compression: Double, soundTokens: Int
        ) throws(TensorError) -> RotaryEmbedding {
            let start = Float(textTokens + config.temporalModalityMargin)
            let video = try table(
                [
                    times(grid.frames, from: start, rate / compression, of: config.baseFps / compression),
                    (0..<grid.rows).map(Float.init), (0..<grid.columns).map(Float.init),
                ])
            guard soundTokens > 0 else { return video }
            let sound = times(soundTokens, from: start, config.soundLatentFps, of: config.baseFps)
            return try video.joined(table([sound, [0], [0]]))
        }

        /// When things are that follow each other.
        private func times(_ count: Int, from start: Float, _ rate: Double, of base: Double) -> [Float] {
            guard config.enableFpsModulation, count > 1 else { return (0..<count).map { Float($0) + start } }
            return (0..<count).map { Float($0) / Float(rate) * Float(base) + start }
        }

        /// The tables of a grid of tokens, the last axis innermost.
        ///
        /// - Parameter coordinates: along each axis
        private func table(_ coordinates: [[Float]]) throws(TensorError) -> RotaryEmbedding {
            let (rotary, frequencies) = (config.rotary, config.rotary.frequencies)
            let axes = frequencies.indices.map(rotary.axis)
            /// The function of each pair's angle; a pair turns with one axis, and has zeros along the others.
            func grid(_ function: (Double) -> Double) throws(TensorError) -> Tensor {
                var sum: Tensor?
                for (axis, places) in coordinates.enumerated() {
                    let values = places.flatMap { place in
                        zip(axes, frequencies).map { $0 == axis ? Float(function(Double(place * $1))) : 0 }
                    }
                    var shape = [1, 1, 1, frequencies.count]
                    shape[axis] = places.count
                    let part = try Tensor(values, shape: shape, on: device)
                    sum = try sum.map { sum throws(TensorError) in try sum + part } ?? part
                }
                guard let sum else { return try Tensor.empty([0, frequencies.count], on: device) }
                return try sum.reshaped(-1, frequencies.count)
            }
            return RotaryEmbedding(cosine: try grid { cos($0) }, sine: try grid { sin($0) })
        }
    }
}
