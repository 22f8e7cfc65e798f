package import Tensors

/// Computes a linear layer: x · weightᵀ + bias, and what follows it.
///
/// The weight source makes the kernel of each site: the weight as it is stored, or quantised.
package protocol LinearKernel {
    /// The product alone.
    ///
    /// - Parameter x: `[…, from]`
    /// - Returns: `[…, to]`
    func product(_ x: LinearInput) throws(TensorError) -> Tensor

    /// The product and what follows it; one after the other unless the kernel does both at once.
    ///
    /// - Parameters:
    ///   - x: `[…, from]`
    ///   - epilogue: what follows
    /// - Returns: as the epilogue says
    func apply(_ x: LinearInput, _ epilogue: LinearEpilogue) throws(TensorError) -> Tensor

    /// The same as the input of a layer that follows; a kernel may leave the last step of it to that layer's.
    ///
    /// - Parameters:
    ///   - x: `[batch, tokens, from]`
    ///   - epilogue: what follows
    /// - Returns: as the epilogue says
    func input(_ x: LinearInput, _ epilogue: LinearEpilogue) throws(TensorError) -> LinearInput
}

/// What follows a product.
package enum LinearEpilogue {
    case none
    /// `[…, to]`.
    case activation(Activation)
    /// The activation of the product behind another tensor: `[batch, tokens, width]` becomes `[batch, tokens, width + to]`.
    case beside(Tensor, Activation)
    /// The product behind another tensor's tokens: `[batch, others, to]` becomes `[batch, others + tokens, to]`.
    case behind(Tensor)
    /// The activation of the product times another tensor, `[batch, tokens, to]`, as in SwiGLU.
    case gating(Tensor, Activation)
}

extension LinearKernel {
    package func apply(_ x: LinearInput, _ epilogue: LinearEpilogue) throws(TensorError) -> Tensor {
        try applyInOrder(x, epilogue)
    }

    package func input(_ x: LinearInput, _ epilogue: LinearEpilogue) throws(TensorError) -> LinearInput {
        LinearInput(try apply(x, epilogue))
    }

    /// The product, then what follows it.
    func applyInOrder(_ x: LinearInput, _ epilogue: LinearEpilogue) throws(TensorError) -> Tensor {
        switch epilogue {
        case .none: try product(x)
        case .activation(let activation): try activation(product(x))
        case .beside(let other, let activation): try concatenate([other, activation(product(x))], axis: 2)
        case .behind(let other): try concatenate([other, product(x)], axis: 1)
        case .gating(let other, .silu): try swiglu(gate: product(x), other)
        case .gating(let other, let activation): try activation(product(x)) * other
        }
    }
}

/// A weight as it is stored; GELU is applied in the memory of the product.
struct FloatLinear: LinearKernel {
    /// `[to, from]`.
    let weight: Tensor
    /// `[to]`.
    let bias: Tensor?

    func product(_ x: LinearInput) throws(TensorError) -> Tensor {
        try linear(x.tokens(), weight: weight, bias: bias)
    }

    func apply(_ x: LinearInput, _ epilogue: LinearEpilogue) throws(TensorError) -> Tensor {
        switch epilogue {
        case .activation(.geluTanh): try linearGELUTanh(x.tokens(), weight: weight, bias: bias)
        case .beside(let other, .geluTanh):
            try linearGELUTanh(x.tokens(), weight: weight, bias: bias, beside: other)
        case .behind(let other): try linear(x.tokens(), weight: weight, bias: bias, behind: other)
        default: try applyInOrder(x, epilogue)
        }
    }
}

/// A weight of 16 bits whose products are in 32-bit floats: once for each call, so that no wide copy is kept.
struct WideningLinear: LinearKernel {
    /// `[to, from]`.
    let weight: Tensor
    /// `[to]`.
    let bias: Tensor?

    func product(_ x: LinearInput) throws(TensorError) -> Tensor {
        try linear(x.tokens(), weight: weight.to(.float32), bias: bias?.to(.float32))
    }
}
