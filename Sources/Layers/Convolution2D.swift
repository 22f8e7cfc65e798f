package import Tensors

/// A two-dimensional convolution with bias.
package struct Convolution2D {
    private let weight, bias: Tensor
    private let stride, padding: Int

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
        (self.stride, self.padding) = (stride, padding)
    }

    /// Applies the layer.
    ///
    /// - Parameter x: `[batch, from, height, width]`
    /// - Returns: `[batch, to, height, width]`
    package func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
        try convolution2D(x, weight: weight, bias: bias, stride: stride, padding: padding)
    }

    /// Applies a layer of kernel 3 and padding 1 to an image at double its size, in which every pixel stands four times.
    ///
    /// - Parameter x: `[batch, from, height, width]`
    /// - Returns: `[batch, to, height · 2, width · 2]`
    package func doubled(_ x: Tensor) throws(TensorError) -> Tensor {
        try doubledConvolution2D(x, weight: weight, bias: bias)
    }
}
