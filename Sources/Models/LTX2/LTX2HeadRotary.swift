internal import Foundation
internal import Layers
package import Tensors

extension LTX2 {
    /// The angle tables of a rotary embedding whose heads turn at different frequencies; each half of a head turns against the
    /// other.
    package struct HeadRotary {
        /// Of each pair's angle, `[tokens, heads, headWidth / 2]`, in 32-bit floats.
        package let cosine, sine: Tensor

        package init(cosine: Tensor, sine: Tensor) { (self.cosine, self.sine) = (cosine, sine) }

        /// - Parameters:
        ///   - positions: where each token lies, from 0 to 1 along each axis: one row a token
        ///   - width: of all heads
        ///   - heads: how many there are
        ///   - theta: what the highest frequency is, in half turns
        ///   - device: where the tables go
        // Source: diffusers 0.42.1, models/transformers/transformer_ltx2.py, `LTX2AudioVideoRotaryPosEmbed`.
        package init(positions: [[Float]], width: Int, heads: Int, theta: Double, on device: Device) throws(TensorError)
        {
            let axes = positions.first?.count ?? 1
            let frequencies = Self.frequencies(width / (2 * axes), theta)
            let rest = width / 2 - frequencies.count * axes
            // Tokens share their coordinates with many others: each is turned into angles once.
            var turns: [Float: [SIMD2<Float>]] = [:]
            for coordinate in Set(positions.joined()) {
                turns[coordinate] = frequencies.map { frequency in
                    // In 32 bits, as the reference has it: an angle may be ten thousand.
                    let angle = Double((coordinate * 2 - 1) * frequency)
                    return SIMD2(Float(cos(angle)), Float(sin(angle)))
                }
            }
            var (cosines, sines): ([Float], [Float]) = ([], [])
            cosines.reserveCapacity(positions.count * width / 2)
            sines.reserveCapacity(positions.count * width / 2)
            for position in positions {
                // What no axis has stands first and does not turn.
                for _ in 0..<rest {
                    cosines.append(1)
                    sines.append(0)
                }
                let own = position.map { turns[$0] ?? [] }
                for index in frequencies.indices {
                    for axis in own {
                        cosines.append(axis[index].x)
                        sines.append(axis[index].y)
                    }
                }
            }
            let shape = [positions.count, heads, width / 2 / heads]
            self.init(
                cosine: try Tensor(cosines, shape: shape, on: device), sine: try Tensor(sines, shape: shape, on: device)
            )
        }

        /// From a quarter turn to theta times as much, in equal ratios.
        static func frequencies(_ count: Int, _ theta: Double) -> [Float] {
            (0..<count).map { index in
                // Counted from the nearer end, as torch.linspace does.
                let step = count > 1 ? 1 / Double(count - 1) : 0
                let exponent =
                    index < count / 2 || count == 1 ? step * Double(index) : 1 - step * Double(count - 1 - index)
                return Float(pow(theta, exponent) * .pi / 2)
            }
        }

        /// - Parameters:
        ///   - x: `[batch, tokens, heads · headWidth]`
        ///   - norm: of all heads of a token, before they turn
        /// - Returns: the same shape and type
        func applied(to x: Tensor, after norm: RMSNorm) throws(TensorError) -> Tensor {
            if let turned = try norm.turned(x, cosine: cosine, sine: sine) { return turned }
            return try applied(to: norm(x))
        }

        /// - Parameter x: `[batch, tokens, heads · headWidth]`
        /// - Returns: the same shape and type
        func applied(to x: Tensor) throws(TensorError) -> Tensor {
            let (heads, half) = (cosine.size(1), cosine.size(2))
            let halves = try x.to(.float32).reshaped(x.size(0), x.size(1), heads, 2, half)
            let (one, other) = (try halves.select(0, axis: 3), try halves.select(1, axis: 3))
            return try stack([one * cosine - other * sine, other * cosine + one * sine], axis: 3)
                .reshaped(x.shape).to(x.dtype)
        }

        /// Other tables in place of both.
        ///
        /// - Parameter map: gives one for each, whose tokens lie along axis 0
        func mapped(_ map: (Tensor) throws(TensorError) -> Tensor) throws(TensorError) -> HeadRotary {
            HeadRotary(cosine: try map(cosine), sine: try map(sine))
        }
    }

    /// Where the tokens of a video and of its sound lie.
    package struct Positions {
        private let config: TransformerConfig

        package init(_ config: TransformerConfig) { self.config = config }

        /// The middle of each of the video's patches in time and in the picture, from 0 to 1.
        ///
        /// - Parameters:
        ///   - frames: of the latents
        ///   - rows: of the latents
        ///   - columns: of the latents
        ///   - rate: frames a second of the video
        func video(frames: Int, rows: Int, columns: Int, rate: Float) -> [[Float]] {
            let factors = config.vaeScaleFactors
            let times = middles(frames, of: factors[0]) { $0 / rate }.map { $0 / Float(config.posEmbedMaxPos) }
            func places(_ count: Int, _ factor: Int, of base: Int) -> [Float] {
                (0..<count).map { Float($0 * factor + ($0 + 1) * factor) / 2 / Float(base) }
            }
            let ys = places(rows, factors[1], of: config.baseHeight)
            let xs = places(columns, factors[2], of: config.baseWidth)
            return times.flatMap { time in ys.flatMap { y in xs.map { [time, y, $0] } } }
        }

        /// The middle of each of the sound's latents in time, from 0 to 1.
        ///
        /// - Parameter count: how many there are
        func audio(_ count: Int) -> [[Float]] {
            let (hop, rate) = (Float(config.audioHopLength), Float(config.audioSamplingRate))
            return middles(count, of: config.audioScaleFactor) { $0 * hop / rate }
                .map { [$0 / Float(config.audioPosEmbedMaxPos)] }
        }

        /// The same moments, as both streams count them where they attend to each other.
        func shared(_ positions: [[Float]], of limit: Int) -> [[Float]] {
            // Only where the two limits differ would they be others.
            positions.map { [$0[0] * Float(limit) / Float(max(config.posEmbedMaxPos, config.audioPosEmbedMaxPos))] }
        }

        /// The middle of spans of so many units each, of which the first is one unit long.
        private func middles(_ count: Int, of factor: Int, _ seconds: (Float) -> Float) -> [Float] {
            func edge(_ index: Int) -> Float {
                seconds(Float(max(index * factor + config.causalOffset - factor, 0)))
            }
            return (0..<count).map { (edge($0) + edge($0 + 1)) / 2 }
        }
    }
}
