internal import Layers
internal import Tensors

extension AutoencoderKLLTX2Video {
    /// What a timestep makes of normalised channels: each `[batch, 1, 1, 1, channels]`.
    struct Modulation {
        let shift, scale: Tensor

        /// - Parameters:
        ///   - embedding: of the timestep, `[batch, rows · channels]`
        ///   - table: `[rows, channels]`
        /// - Returns: one for every two rows
        static func all(_ embedding: Tensor, _ table: Tensor) throws(TensorError) -> [Modulation] {
            let (rows, channels) = (table.size(0), table.size(1))
            let sum = try embedding.reshaped(-1, rows, channels) + table.unsqueezed(0)
            var result: [Modulation] = []
            for row in stride(from: 0, to: rows, by: 2) {
                let parts = try [row, row + 1].map { row throws(TensorError) in
                    try sum.select(row, axis: 1).reshaped(-1, 1, 1, 1, channels)
                }
                result.append(Modulation(shift: parts[0], scale: parts[1]))
            }
            return result
        }
    }

    /// Every position divided by the root mean square of its channels, and SiLU of it.
    struct ChannelNorm {
        private static let epsilon = 1e-8
        private let ones: Tensor

        init(_ weights: Weights, channels: Int) throws {
            ones = try Tensor.full(1, [1], weights.plan.dtype, on: weights.plan.device).expanded(channels)
        }

        /// - Parameters:
        ///   - x: `[…, channels]`
        ///   - modulation: what comes between norm and SiLU; nil for nothing
        /// - Returns: the same shape
        func activated(_ x: Tensor, _ modulation: Modulation? = nil) throws(TensorError) -> Tensor {
            guard let modulation else { return try rmsNormSilu(x, weight: ones, epsilon: Self.epsilon) }
            return try silu(
                rmsNorm(x, epsilon: Self.epsilon) * (1 + modulation.scale).to(x.dtype) + modulation.shift.to(x.dtype))
        }
    }

    /// How an encoder or a decoder sees beyond a frame.
    struct View {
        let edges: Convolution3D.Edges
        /// Whether a frame depends on those before it alone.
        let isCausal: Bool
        let epsilon: Double
    }

    /// Two convolutions, each after a norm and SiLU, added to the input.
    struct ResidualBlock {
        private let norm1, norm2: ChannelNorm
        private let convolution1, convolution2: Convolution3D
        private let shortcut: (norm: LayerNorm, projection: Linear)?
        private let table: Tensor?
        private let isCausal: Bool

        init(_ weights: Weights, from: Int, to: Int, _ view: View, knowsTimestep: Bool = false) throws {
            norm1 = try ChannelNorm(weights, channels: from)
            norm2 = try ChannelNorm(weights, channels: to)
            convolution1 = try Convolution3D(weights["conv1"]["conv"], from: from, to: to, edges: view.edges)
            convolution2 = try Convolution3D(weights["conv2"]["conv"], from: to, to: to, edges: view.edges)
            shortcut =
                from == to
                ? nil
                : (
                    try LayerNorm(weights["norm3"], size: from, epsilon: view.epsilon),
                    try Linear(weights["conv_shortcut"], pointwise: from, to: to)
                )
            table = knowsTimestep ? try weights.tensor("scale_shift_table", 4, from) : nil
            isCausal = view.isCausal
        }

        /// - Parameter embedding: of the timestep, `[batch, 4 · channels]`, if the block knows it
        /// - Returns: the block before the first frame
        func stream(_ embedding: Tensor? = nil) throws(TensorError) -> Stream {
            var modulations: [Modulation] = []
            if let table, let embedding { modulations = try Modulation.all(embedding, table) }
            return Stream(block: self, modulations: modulations)
        }

        /// The block at work.
        struct Stream: FrameStream {
            private let block: ResidualBlock
            private let modulations: [Modulation]
            private var first, second: FrameWindow
            /// What the results still to come are added to.
            private var inputs: [Tensor] = []

            fileprivate init(block: ResidualBlock, modulations: [Modulation]) {
                (self.block, self.modulations) = (block, modulations)
                first = FrameWindow(isCausal: block.isCausal)
                second = first
            }

            mutating func take(_ frame: Tensor) throws(TensorError) -> [Tensor] {
                inputs.append(frame)
                let x = try block.norm1.activated(frame, modulations.first)
                guard let h = try first.take(x, block.convolution1) else { return [] }
                return try takeBetween(h)
            }

            mutating func end() throws(TensorError) -> [Tensor] {
                var frames: [Tensor] = []
                if let h = try first.end(block.convolution1) { frames += try takeBetween(h) }
                if let change = try second.end(block.convolution2) { frames.append(try added(change)) }
                return frames
            }

            private mutating func takeBetween(_ h: Tensor) throws(TensorError) -> [Tensor] {
                let x = try block.norm2.activated(h, modulations.last)
                guard let change = try second.take(x, block.convolution2) else { return [] }
                return [try added(change)]
            }

            private mutating func added(_ change: Tensor) throws(TensorError) -> Tensor {
                let input = inputs.removeFirst()
                guard let (norm, projection) = block.shortcut else { return try input + change }
                return try projection(norm(input)) + change
            }
        }
    }

    /// A convolution, after a norm and SiLU or not.
    struct ConvolutionStream: FrameStream {
        private let convolution: Convolution3D
        private let norm: ChannelNorm?
        private let modulation: Modulation?
        private var window: FrameWindow

        init(
            _ convolution: Convolution3D, after norm: ChannelNorm? = nil, _ modulation: Modulation? = nil,
            isCausal: Bool
        ) {
            (self.convolution, self.norm, self.modulation) = (convolution, norm, modulation)
            window = FrameWindow(isCausal: isCausal)
        }

        mutating func take(_ frame: Tensor) throws(TensorError) -> [Tensor] {
            let frame = try norm?.activated(frame, modulation) ?? frame
            return try window.take(frame, convolution).map { [$0] } ?? []
        }

        mutating func end() throws(TensorError) -> [Tensor] { try window.end(convolution).map { [$0] } ?? [] }
    }
}
