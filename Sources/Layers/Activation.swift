package import Tensors

/// An activation function under the name that configs give it.
package enum Activation: String, Codable, Sendable {
    case silu, gelu, relu
    case geluNew = "gelu_new"
    case geluTanh = "gelu_pytorch_tanh"
    case quickGELU = "quick_gelu"

    /// Applies the function.
    ///
    /// - Parameter x: any shape
    /// - Returns: the same shape
    package func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
        switch self {
        case .silu: try Tensors.silu(x)
        case .gelu: try Tensors.gelu(x)
        case .relu: try Tensors.relu(x)
        case .geluNew, .geluTanh: try Tensors.geluTanh(x)
        case .quickGELU: try Tensors.quickGELU(x)
        }
    }
}
