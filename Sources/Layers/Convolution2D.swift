package import Tensors

/// A two-dimensional convolution with bias.
///
/// Of a picture that several ranks decode it sees their edges; a window that moves on by more than one pixel is of encoders.
package struct Convolution2D {
    private let weight, bias: Tensor
    private let stride, padding: Int
    private let context: ComputeContext

    /// Reads `weight` `[to, from, kernel, kernel]` and `bias` `[to]`.
    ///
    /// - Parameters:
    ///   - weights: the view of this layer
    ///   - from: channels of the input
    ///   - to: channels of the output
    ///   - kernel: height and width of the window
    ///   - stride: how far the window moves
    ///   - padding: zeros at every edge
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(_ weights: Weights, from: Int, to: Int, kernel: Int, stride: Int = 1, padding: Int = 0) throws {
        // Channels lie last, in the weights and in what is made of them: no convolution arranges them anew. A GPU convolves 32-bit
        // floats faster with channels first.
        weight =
            weights.plan.device == .cpu || weights.plan.dtype != .float32
            ? try weights.tensor("weight", [to, from, kernel, kernel], permuted: [0, 2, 3, 1]).permuted(0, 3, 1, 2)
            : try weights.tensor("weight", to, from, kernel, kernel)
        bias = try weights.tensor("bias", to)
        (self.stride, self.padding, context) = (stride, padding, weights.context)
    }

    /// Applies the layer.
    ///
    /// - Parameter x: `[batch, from, height, width]`
    /// - Returns: `[batch, to, height, width]`
    package func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
        guard padding > 0, let picture = context.picture else {
            return try convolution2D(x, weight: weight, bias: bias, stride: stride, padding: Margins(padding))
        }
        return try convolution2D(
            widened(x, in: picture), weight: weight, bias: bias, stride: stride, padding: picture.padding(padding))
    }

    /// Applies a layer of kernel 3 and padding 1 to an image at double its size, in which every pixel stands four times.
    ///
    /// - Parameter x: `[batch, from, height, width]`
    /// - Returns: `[batch, to, height · 2, width · 2]`
    package func doubled(_ x: Tensor) throws(TensorError) -> Tensor {
        guard let picture = context.picture else { return try doubledConvolution2D(x, weight: weight, bias: bias) }
        return try doubledConvolution2D(
            widened(x, in: picture), weight: weight, bias: bias, margins: picture.margins(padding))
    }

    /// A strip with what the window sees of its neighbours, channels last in memory.
    private func widened(_ x: Tensor, in picture: PictureCut) throws(TensorError) -> Tensor {
        let frame = try x.permuted(0, 2, 3, 1).unsqueezed(1)
        return try picture.widened(frame, by: padding).squeezed(1).permuted(0, 3, 1, 2)
    }
}
