package import Tensors

/// A convolution over frames, height and width with bias, channels last, whose window is 3 in each direction.
///
/// It makes two frames less than it sees: what stands before the first frame and behind the last is the caller's.
package struct Convolution3D {
    /// What stands around a frame.
    package enum Edges: String, Codable, Sendable {
        case zeros
        /// The frame's own rows and columns, the outermost not again; it has two of each at least.
        case reflect
    }

    private let weight, bias: Tensor
    private let edges: Edges

    /// Reads `weight` `[to, from, 3, 3, 3]` and `bias` `[to]`.
    ///
    /// - Parameters:
    ///   - weights: the view of this layer
    ///   - from: channels of the input
    ///   - to: channels of the output
    ///   - edges: what stands around a frame
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(_ weights: Weights, from: Int, to: Int, edges: Edges = .zeros) throws {
        weight = try weights.tensor("weight", [to, from, 3, 3, 3], permuted: [0, 2, 3, 4, 1])
        bias = try weights.tensor("bias", to)
        self.edges = edges
    }

    /// Frames with what the window sees around them, as far as the convolution does not add it itself: frames that several
    /// windows see are made ready once.
    ///
    /// - Parameter frames: `[batch, frames, height, width, from]`
    /// - Returns: as many frames, some of them larger
    package func ready(_ frames: Tensor) throws(TensorError) -> Tensor {
        edges == .zeros ? frames : try frames.reflected(2).reflected(3)
    }

    /// Applies the layer.
    ///
    /// - Parameter frames: three or more, as ``ready(_:)`` gives them
    /// - Returns: `[batch, frames - 2, height, width, to]`
    package func callAsFunction(ready frames: Tensor) throws(TensorError) -> Tensor {
        try convolution3D(frames, weight: weight, bias: bias, padding: edges == .zeros ? 1 : 0)
    }
}
