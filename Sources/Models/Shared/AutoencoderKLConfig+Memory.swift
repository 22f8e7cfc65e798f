package import Diffusion
package import Tensors

extension AutoencoderKLConfig: ImageAutoencoderConfig {
    /// What decoding an image holds at once besides weights, in bytes.
    ///
    /// - Parameters:
    ///   - image: its size
    ///   - dtype: what the decoder computes in
    /// - Returns: an upper estimate
    package func decodingBytes(_ image: OutputSize, dtype: DType) -> MemorySize { bytes(image, dtype, before: 1) }

    /// What encoding an image holds at once besides weights, in bytes.
    ///
    /// - Parameters:
    ///   - image: its size
    ///   - dtype: what the encoder computes in
    /// - Returns: an upper estimate
    package func encodingBytes(_ image: OutputSize, dtype: DType) -> MemorySize { bytes(image, dtype, before: -1) }

    /// The level with the most numbers decides, or with few levels the attention in the middle.
    ///
    /// Measured, a level takes 3.5 to 5 times its input, and attention 7 to 12 times; where convolutions convert 16-bit
    /// numbers, of 32-bit floats.
    ///
    /// - Parameter step: from a level to the one that runs before it, whose channels enter
    private func bytes(_ image: OutputSize, _ dtype: DType, before step: Int) -> MemorySize {
        let last = blockOutChannels.count - 1
        let levels = blockOutChannels.indices.map { level in
            max(blockOutChannels[level], blockOutChannels[min(max(level + step, 0), last)]) >> (2 * level)
        }
        let middle = midBlockAddAttention ? blockOutChannels[last] >> (2 * last) : 0
        return MemorySize(image.height) * image.width * max(MemorySize(levels.max() ?? 0) * 5, MemorySize(middle) * 12)
            * (dtype.mayBeConvertedForProducts ? DType.float32.size : dtype.size)
    }
}

extension AutoencoderKLFlux2Config: ImageAutoencoderConfig {
    package func decodingBytes(_ image: OutputSize, dtype: DType) -> MemorySize {
        decoderNetwork.decodingBytes(image, dtype: dtype)
    }

    package func encodingBytes(_ image: OutputSize, dtype: DType) -> MemorySize {
        network.encodingBytes(image, dtype: dtype)
    }
}
