internal import Foundation
internal import Layers
internal import Tensors

/// x + sin²(αx) / β, with the exponentials of two parameters for every channel.
struct LTX2Snake {
    /// Each `[1, channels, 1]`.
    private let frequency, amplitude: Tensor

    init(_ weights: Weights, channels: Int) throws {
        frequency = try exp(weights.tensor("alpha", channels)).reshaped(1, channels, 1)
        amplitude = try (1 / (exp(weights.tensor("beta", channels)) + 1e-9)).reshaped(1, channels, 1)
    }

    /// - Parameter x: `[batch, channels, length]`
    /// - Returns: the same shape
    func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
        let wave = try sin(x * frequency)
        return try x + amplitude * (wave * wave)
    }
}

/// A low-pass filter by which waves become finer or coarser; beyond its ends a wave goes on as it ends.
struct LTX2WaveFilter {
    /// The window's factors, `[1, 1, kernel]`.
    private let filter: Tensor
    private let ratio: Int
    /// How many samples stand in front and behind while a wave becomes finer, and what is cut off then.
    private let reach, cutBefore, cutAfter: Int

    private var kernel: Int { filter.size(2) }

    /// Takes a filter that a checkpoint has.
    ///
    /// - Parameters:
    ///   - filter: `[1, 1, kernel]`
    ///   - ratio: how many times finer or coarser waves become
    init(_ filter: Tensor, ratio: Int) {
        (self.filter, self.ratio) = (filter, ratio)
        let kernel = filter.size(2)
        reach = kernel / ratio - 1
        cutBefore = reach * ratio + (kernel - ratio) / 2
        cutAfter = reach * ratio + (kernel - ratio + 1) / 2
    }

    /// Makes a sinc in a Hann window, which checkpoints do not have.
    ///
    /// - Parameters:
    ///   - ratio: how many times finer waves become
    ///   - dtype: what it computes in
    ///   - device: where
    /// - Throws: ``TensorError``
    init(resamplingBy ratio: Int, _ dtype: DType, on device: Device) throws(TensorError) {
        let (rolloff, halfWidth) = (0.99, 6.0)
        let width = Int((halfWidth / rolloff).rounded(.up))
        let kernel = 2 * width * ratio + 1
        let values = (0..<kernel).map { index in
            let time = (Double(index) / Double(ratio) - Double(width)) * rolloff
            let window = pow(cos(max(-halfWidth, min(halfWidth, time)) * .pi / halfWidth / 2), 2)
            let sinc = time == 0 ? 1 : Foundation.sin(.pi * time) / (.pi * time)
            return Float(sinc * window * rolloff / Double(ratio))
        }
        filter = try Tensor(values, shape: [1, 1, kernel], on: device).to(dtype)
        (self.ratio, reach, cutBefore, cutAfter) = (ratio, width, 2 * width * ratio, kernel - ratio)
    }

    /// - Parameter x: `[batch, channels, length]`
    /// - Returns: `[batch, channels, length · ratio]`
    func finer(_ x: Tensor) throws(TensorError) -> Tensor {
        let long = try transposedConvolution1D(single(x, reach, reach), weight: filter, stride: ratio) * Double(ratio)
        return try long.slice(cutBefore..<long.size(2) - cutAfter, axis: 2).reshaped(x.size(0), x.size(1), -1)
    }

    /// - Parameter x: `[batch, channels, length]`
    /// - Returns: `[batch, channels, length / ratio]`
    func coarser(_ x: Tensor) throws(TensorError) -> Tensor {
        let before = kernel / 2 + kernel % 2 - 1
        return try convolution1D(single(x, before, kernel / 2), weight: filter, stride: ratio)
            .reshaped(x.size(0), x.size(1), -1)
    }

    /// Every channel by itself, its first and its last sample repeated: `[batch · channels, 1, length]`.
    private func single(_ x: Tensor, _ before: Int, _ after: Int) throws(TensorError) -> Tensor {
        let length = x.size(2)
        let wave = try x.reshaped(x.size(0) * x.size(1), 1, length)
        return try concatenate(
            [
                wave.slice(0..<1, axis: 2).expanded(-1, -1, before), wave,
                wave.slice(length - 1..<length, axis: 2).expanded(-1, -1, after),
            ], axis: 2)
    }
}
