internal import CTorch

// Calls of the operators of our own (native/Sources/CTorch), by name. The dispatcher finds the implementation for the device.

/// An argument of an operator, as the shim takes it.
package struct ShimArgument {
    fileprivate let code: ct_argument

    fileprivate init(_ kind: ct_argument_kind, _ value: ct_argument_value) {
        code = ct_argument(kind: kind, value: value)
    }
}

/// What an operator takes as an argument.
package protocol OperatorArgument {
    var argument: ShimArgument { get }
}

extension Tensor: OperatorArgument {
    package var argument: ShimArgument { ShimArgument(CT_ARGUMENT_TENSOR, .init(tensor: handle)) }
}

/// A tensor that may be absent.
extension Tensor?: OperatorArgument {
    package var argument: ShimArgument { ShimArgument(CT_ARGUMENT_TENSOR, .init(tensor: self?.handle)) }
}

extension Double: OperatorArgument {
    package var argument: ShimArgument { ShimArgument(CT_ARGUMENT_NUMBER, .init(number: self)) }
}

extension Int: OperatorArgument {
    package var argument: ShimArgument { ShimArgument(CT_ARGUMENT_INTEGER, .init(integer: Int64(self))) }
}

extension Bool: OperatorArgument {
    package var argument: ShimArgument { ShimArgument(CT_ARGUMENT_FLAG, .init(flag: self)) }
}

extension DType: OperatorArgument {
    package var argument: ShimArgument { ShimArgument(CT_ARGUMENT_DTYPE, .init(dtype: code)) }
}

/// Calls an operator that gives one tensor.
///
/// - Parameters:
///   - name: the operator's, without `visualgen::`
///   - arguments: what its schema asks for, in that order
/// - Returns: what it gives
/// - Throws: ``TensorError``, also if there is no such operator or it takes other arguments
package func call(_ name: StaticString, _ arguments: any OperatorArgument...) throws(TensorError) -> Tensor {
    try Tensor(name, handle(name, arguments, nil))
}

/// Calls an operator that gives two tensors.
///
/// - Parameters: as ``call(_:_:)``
/// - Returns: what it gives
package func callForTwo(_ name: StaticString, _ arguments: any OperatorArgument...) throws(TensorError) -> (
    Tensor, Tensor
) {
    var second: ct_tensor?
    let first = try Tensor(name, handle(name, arguments, &second))
    return (first, try Tensor(name, second))
}

private func handle(
    _ name: StaticString, _ arguments: [any OperatorArgument], _ second: UnsafeMutablePointer<ct_tensor?>?
) -> ct_tensor? {
    let text = UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
    // The tensors must outlive the call, which has only their handles.
    return withExtendedLifetime(arguments) { ct_call(text, arguments.map(\.argument.code), arguments.count, second) }
}
