internal import Layers
internal import Tensors

extension LTX2 {
    /// A noise level, embedded, and how it shifts, scales and gates: diffusers' `LTX2AdaLayerNormSingle`.
    struct TimeEmbedding {
        private let time: TimestepEmbedding
        private let linear: Linear
        private let rows: Int
        private let device: Device
        private static let frequencies = 256

        /// - Parameters:
        ///   - weights: the view of this layer
        ///   - width: of the stream
        ///   - rows: how many vectors come of a noise level
        init(_ weights: Weights, width: Int, rows: Int) throws {
            // In 32-bit floats whatever the model's type: a noise level rounded to 16 bits moves the picture visibly.
            time = try TimestepEmbedding(
                weights["emb"]["timestep_embedder"].computing(in: .float32), from: Self.frequencies, to: width)
            linear = try Linear(widening: weights["linear"], from: width, to: rows * width, keepsBits: true)
            (self.rows, device) = (rows, weights.plan.device)
        }

        /// - Parameter timesteps: one for each group of tokens
        /// - Returns: `[1, groups, width]` and `[1, groups, rows, width]`, in 32-bit floats
        func callAsFunction(_ timesteps: [Float]) throws(TensorError) -> (embedded: Tensor, rows: Tensor) {
            let embedded = try time(timestepSinusoids(timesteps, width: Self.frequencies, on: device))
            return (
                try embedded.unsqueezed(0), try linear(silu(embedded)).reshaped(1, timesteps.count, rows, -1)
            )
        }
    }

    /// Vectors that scale, shift and gate groups of tokens in a row: a block's table on top of the noise level's.
    struct Rows {
        /// `[batch, groups, rows, width]`, in 32-bit floats.
        private let values: Tensor

        /// - Parameters:
        ///   - table: `[rows, width]`
        ///   - level: `[batch, groups, rows, width]`
        init(_ table: Tensor, _ level: Tensor) throws(TensorError) { values = try level + table }

        /// One of the vectors, `[batch, groups, width]`.
        subscript(_ row: Int) -> Tensor {
            get throws(TensorError) { try values.select(row, axis: 2) }
        }
    }
}

extension Tensor {
    /// x · (1 + scale) + shift.
    ///
    /// - Parameters:
    ///   - scale: `[batch, groups, width]`, of equal groups of tokens in a row
    ///   - shift: as `scale`
    ///   - dtype: of the result
    /// - Returns: `[batch, tokens, width]`
    func modulated(scale: Tensor, shift: Tensor, as dtype: DType) throws(TensorError) -> Tensor {
        let groups = scale.size(1)
        let grouped = try to(.float32).reshaped(size(0), groups, size(1) / groups, size(2))
        return try (grouped * (scale.unsqueezed(2) + 1) + shift.unsqueezed(2)).to(dtype).reshaped(shape)
    }
}
