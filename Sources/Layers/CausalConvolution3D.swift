package import Tensors

/// A convolution over frames, height and width with bias, whose window ends at the newest frame.
///
/// Channels lie last.
/// Frames come one at a time; what the window still sees of earlier ones is the caller's ``FrameHistory``. Frames before
/// the first count as zeros: they are left out, with their part of the weight.
package struct CausalConvolution3D {
    private let weight, bias: Tensor
    private let padding: Int

    /// Reads `weight` `[to, from, frames, size, size]` and `bias` `[to]`.
    ///
    /// - Parameters:
    ///   - weights: the view of this layer
    ///   - from: channels of the input
    ///   - to: channels of the output
    ///   - frames: how many frames the window sees
    ///   - size: height and width of the window, an odd number; zeros keep the size of the image
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(_ weights: Weights, from: Int, to: Int, frames: Int = 3, size: Int = 3) throws {
        weight = try weights.tensor("weight", [to, from, frames, size, size], permuted: [0, 2, 3, 4, 1])
        bias = try weights.tensor("bias", to)
        padding = size / 2
    }

    /// The newest frame's result, which becomes part of the history.
    ///
    /// - Parameters:
    ///   - frame: `[batch, 1, height, width, from]`
    ///   - history: the frames before it
    /// - Returns: `[batch, 1, height, width, to]`
    package func callAsFunction(_ frame: Tensor, _ history: inout FrameHistory) throws(TensorError) -> Tensor {
        let frames = weight.size(1)
        let window = try joined(history.frames + [frame])
        history.append(frame, keeping: frames - 1)
        return try convolved(window)
    }

    /// The result of one window.
    ///
    /// - Parameter frames: the newest last, each `[batch, 1, height, width, from]`; at most as many as the window sees
    /// - Returns: `[batch, 1, height, width, to]`
    package func callAsFunction(_ frames: [Tensor]) throws(TensorError) -> Tensor {
        try convolved(joined(frames))
    }

    private func joined(_ frames: [Tensor]) throws(TensorError) -> Tensor {
        frames.count == 1 ? frames[0] : try concatenate(frames, axis: 1)
    }

    private func convolved(_ window: Tensor) throws(TensorError) -> Tensor {
        let frames = weight.size(1)
        let seen = window.size(1)
        precondition(seen <= frames, "\(seen) frames for a window of \(frames)")
        if seen == 1 { return try convolved(frame: window) }
        let part = seen == frames ? weight : try weight.slice(frames - seen..<frames, axis: 1)
        return try convolution3D(window, weight: part, bias: bias, padding: padding)
    }
}

extension CausalConvolution3D {
    /// An image's result: what a convolution in two dimensions needs less memory for.
    private func convolved(frame: Tensor) throws(TensorError) -> Tensor {
        let kernel = try weight.select(weight.size(1) - 1, axis: 1).contiguous().permuted(0, 3, 1, 2)
        let image = try frame.squeezed(1).permuted(0, 3, 1, 2)
        return try convolution2D(image, weight: kernel, bias: bias, stride: 1, padding: padding)
            .permuted(0, 2, 3, 1).contiguous().unsqueezed(1)
    }
}

/// The frames that a causal convolution has seen and will see again.
package struct FrameHistory {
    /// The newest last, each `[batch, 1, height, width, channels]`.
    fileprivate private(set) var frames: [Tensor] = []
    private let isOfImage: Bool

    /// Nothing seen so far.
    ///
    /// - Parameter isOfImage: whether only one frame will come, which then need not be kept
    package init(isOfImage: Bool) { self.isOfImage = isOfImage }

    fileprivate mutating func append(_ frame: Tensor, keeping count: Int) {
        if isOfImage { return }
        frames.append(frame)
        frames.removeFirst(max(frames.count - count, 0))
    }
}
