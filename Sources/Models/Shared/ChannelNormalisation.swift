internal import Diffusion
internal import Tensors

/// What image processors do to every byte of an image last: times a factor, less the channel's mean, over its deviation.
struct ChannelNormalisation: Sendable {
    /// What each byte of each channel becomes.
    private let levels: [[Float]]

    /// - Parameters:
    ///   - factor: what bytes are multiplied by; nil leaves them
    ///   - mean: of each channel; nil takes none away
    ///   - deviation: of each channel; nil divides by nothing
    init(factor: Double?, mean: [Double]?, deviation: [Double]?) {
        levels = (0..<3).map { channel in
            (0..<256).map { byte in
                let value = factor.map { Float(Double(byte) * $0) } ?? Float(byte)
                guard let mean, let deviation else { return value }
                return (value - Float(mean[channel])) / Float(deviation[channel])
            }
        }
    }

    /// - Parameter pixels: images of one size
    /// - Returns: `[count, 3, height, width]` in 32-bit floats
    func callAsFunction(_ pixels: PixelBatch) throws(TensorError) -> Tensor {
        let plane = pixels.height * pixels.width
        var values = [Float](repeating: 0, count: pixels.count * 3 * plane)
        for image in 0..<pixels.count {
            for channel in 0..<3 {
                let target = (image * 3 + channel) * plane
                for place in 0..<plane {
                    values[target + place] = levels[channel][Int(pixels.bytes[(image * plane + place) * 3 + channel])]
                }
            }
        }
        return try Tensor(values, shape: [pixels.count, 3, pixels.height, pixels.width])
    }
}
