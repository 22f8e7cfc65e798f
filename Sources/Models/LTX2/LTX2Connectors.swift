internal import Foundation
package import Layers
package import Tensors

extension LTX2 {
    /// What makes of the text encoder's states those that video and sound attend to.
    // Source: diffusers 0.42.1, pipelines/ltx2/connectors.py.
    package struct Connectors {
        package let config: ConnectorsConfig
        /// Of the video and of the sound; the same where both share it.
        private let projections: [Linear]
        private let video, audio: Connector
        private let dtype: DType

        package init(_ weights: Weights, _ config: ConnectorsConfig) throws {
            (self.config, dtype) = (config, weights.plan.dtype)
            func projection(_ name: String, _ width: Int) throws -> Linear {
                try Linear(
                    weights[name], from: config.encoded, to: width, bias: config.projBias, keepsBits: true)
            }
            projections =
                config.perModalityProjections
                ? [
                    try projection("video_text_proj_in", config.videoHiddenDim),
                    try projection("audio_text_proj_in", config.audioHiddenDim),
                ] : [try projection("text_proj_in", config.captionChannels)]
            video = try Connector(
                weights["video_connector"], heads: config.videoConnectorNumAttentionHeads,
                headWidth: config.videoConnectorAttentionHeadDim, layers: config.videoConnectorNumLayers,
                registers: config.videoConnectorNumLearnableRegisters ?? 0, isGated: config.videoGatedAttn, config)
            audio = try Connector(
                weights["audio_connector"], heads: config.audioConnectorNumAttentionHeads,
                headWidth: config.audioConnectorAttentionHeadDim, layers: config.audioConnectorNumLayers,
                registers: config.audioConnectorNumLearnableRegisters ?? 0, isGated: config.audioGatedAttn, config)
        }

        /// - Parameters:
        ///   - states: the text encoder's of one prompt without padding: the embeddings, then those behind each layer, each
        ///     `[1, tokens, captionChannels]`
        ///   - length: how many tokens come out, a multiple of the registers and no fewer than the tokens
        /// - Returns: what the video and what the sound attends to, `[1, length, width]` each
        package func callAsFunction(_ states: [Tensor], length: Int) throws(TensorError) -> (
            video: Tensor, audio: Tensor
        ) {
            if projections.count == 1 {
                let layers = try states.map { state throws(TensorError) in try Self.spread(state) }
                let projected = try projections[0](flattened(layers).to(dtype))
                return (try video(projected, length), try audio(projected, length))
            }
            let layers = try states.map { state throws(TensorError) in
                try rmsNorm(state.to(.float32), epsilon: 1e-6)
            }
            let all = try flattened(layers)
            func scaled(_ width: Int) throws(TensorError) -> Tensor {
                try (all * (Double(width) / Double(config.captionChannels)).squareRoot()).to(dtype)
            }
            return (
                try video(projections[0](scaled(config.videoHiddenDim)), length),
                try audio(projections[1](scaled(config.audioHiddenDim)), length)
            )
        }

        /// A layer's numbers around 0, over eight.
        private static func spread(_ state: Tensor) throws(TensorError) -> Tensor {
            let wide = try state.to(.float32)
            let range = Double(try wide.max()) + Double(try (wide * -1).max())
            return try (wide - wide.mean(over: 1, 2).reshaped(1, 1, 1)) * (8 / (range + 1e-6))
        }

        /// The layers' numbers of a token side by side, a channel's together: `[1, tokens, channels · layers]`.
        private func flattened(_ layers: [Tensor]) throws(TensorError) -> Tensor {
            try stack(layers, axis: 3).reshaped(1, layers[0].size(1), -1)
        }
    }

    /// A small transformer over a prompt's tokens, and behind them learnt ones up to a length; what its blocks add to is of
    /// 32 bits.
    private struct Connector {
        private let registers: Tensor
        private let blocks: [ConnectorBlock]
        private let heads, width, base: Int
        private let theta: Double
        private let device: Device

        init(
            _ weights: Weights, heads: Int, headWidth: Int, layers: Int, registers: Int, isGated: Bool,
            _ config: ConnectorsConfig
        ) throws {
            (self.heads, width) = (heads, heads * headWidth)
            (base, theta, device) = (config.connectorRopeBaseSeqLen, config.ropeTheta, weights.plan.device)
            self.registers = try weights.computing(in: .float32)
                .tensor("learnable_registers", registers, heads * headWidth)
            blocks = try (0..<layers).map {
                try ConnectorBlock(
                    weights["transformer_blocks"][$0], heads: heads, headWidth: headWidth, isGated: isGated)
            }
        }

        /// - Parameters:
        ///   - x: `[1, tokens, width]`
        ///   - length: how many tokens come out
        /// - Returns: `[1, length, width]`, of the same type
        func callAsFunction(_ x: Tensor, _ length: Int) throws(TensorError) -> Tensor {
            let rounds = (length + registers.size(0) - 1) / registers.size(0)
            let rest = try concatenate(Array(repeating: registers, count: rounds), axis: 0)
                .slice(x.size(1)..<length, axis: 0).unsqueezed(0)
            let wide = try x.to(.float32)
            var states = x.size(1) < length ? try concatenate([wide, rest], axis: 1) : wide
            let tables = try HeadRotary(
                positions: (0..<length).map { [Float($0) / Float(base)] }, width: width, heads: heads, theta: theta,
                on: device)
            for block in blocks { states = try block(states, tables, x.dtype) }
            return try rmsNorm(states, epsilon: 1e-6).to(x.dtype)
        }
    }

    private struct ConnectorBlock {
        private let attention: AttentionLayer
        private let feedForward: FeedForward

        init(_ weights: Weights, heads: Int, headWidth: Int, isGated: Bool) throws {
            let width = heads * headWidth
            attention = try AttentionLayer(
                weights["attn1"], .selfAttention, width: width, source: width, heads: heads, headWidth: headWidth,
                isGated: isGated)
            feedForward = try FeedForward(weights["ff"], from: width, inner: 4 * width, to: width, .geluTanh)
        }

        /// - Parameters:
        ///   - x: `[1, length, width]`, in 32-bit floats
        ///   - tables: where the tokens lie
        ///   - dtype: what its layers compute in
        /// - Returns: as `x`
        func callAsFunction(_ x: Tensor, _ tables: HeadRotary, _ dtype: DType) throws(TensorError) -> Tensor {
            let x = try x + attention(LinearInput(rmsNorm(x, epsilon: 1e-6).to(dtype)), turned: (tables, tables))
            return try x + feedForward(LinearInput(rmsNorm(x, epsilon: 1e-6).to(dtype)))
        }
    }
}
