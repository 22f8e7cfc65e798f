internal import CTorch

// Elementwise arithmetic with broadcasting. Every operator throws ``TensorError``; one `try` covers a formula.

extension Tensor {
    package static func + (a: Tensor, b: Tensor) throws(TensorError) -> Tensor {
        try Tensor("add", ct_add(a.handle, b.handle))
    }

    package static func - (a: Tensor, b: Tensor) throws(TensorError) -> Tensor {
        try Tensor("sub", ct_sub(a.handle, b.handle))
    }

    package static func * (a: Tensor, b: Tensor) throws(TensorError) -> Tensor {
        try Tensor("mul", ct_mul(a.handle, b.handle))
    }

    package static func / (a: Tensor, b: Tensor) throws(TensorError) -> Tensor {
        try Tensor("div", ct_div(a.handle, b.handle))
    }

    package static func + (a: Tensor, b: Double) throws(TensorError) -> Tensor {
        try Tensor("add", ct_add_scalar(a.handle, b))
    }

    package static func + (a: Double, b: Tensor) throws(TensorError) -> Tensor { try b + a }

    package static func - (a: Tensor, b: Double) throws(TensorError) -> Tensor { try a + (-b) }

    package static func - (a: Double, b: Tensor) throws(TensorError) -> Tensor {
        try Tensor("rsub", ct_rsub_scalar(b.handle, a))
    }

    package static func * (a: Tensor, b: Double) throws(TensorError) -> Tensor {
        try Tensor("mul", ct_mul_scalar(a.handle, b))
    }

    package static func * (a: Double, b: Tensor) throws(TensorError) -> Tensor { try b * a }

    package static func / (a: Tensor, b: Double) throws(TensorError) -> Tensor {
        try Tensor("div", ct_div_scalar(a.handle, b))
    }

    package static func / (a: Double, b: Tensor) throws(TensorError) -> Tensor {
        try Tensor("reciprocal", ct_reciprocal_scalar(b.handle, a))
    }

    package static prefix func - (a: Tensor) throws(TensorError) -> Tensor { try a * -1 }
}

package func exp(_ x: Tensor) throws(TensorError) -> Tensor { try Tensor("exp", ct_exp(x.handle)) }
package func log(_ x: Tensor) throws(TensorError) -> Tensor { try Tensor("log", ct_log(x.handle)) }
package func sqrt(_ x: Tensor) throws(TensorError) -> Tensor { try Tensor("sqrt", ct_sqrt(x.handle)) }
package func sin(_ x: Tensor) throws(TensorError) -> Tensor { try Tensor("sin", ct_sin(x.handle)) }
package func cos(_ x: Tensor) throws(TensorError) -> Tensor { try Tensor("cos", ct_cos(x.handle)) }
package func tanh(_ x: Tensor) throws(TensorError) -> Tensor { try Tensor("tanh", ct_tanh(x.handle)) }
package func abs(_ x: Tensor) throws(TensorError) -> Tensor { try Tensor("abs", ct_abs(x.handle)) }

/// e^x - 1, exact also near zero.
///
/// - Parameter x: any shape
/// - Returns: the same shape
package func expm1(_ x: Tensor) throws(TensorError) -> Tensor { try Tensor("expm1", ct_expm1(x.handle)) }

/// Rounds to the nearest whole number, halves to the even one.
///
/// - Parameter x: any shape
/// - Returns: the same shape
package func round(_ x: Tensor) throws(TensorError) -> Tensor { try Tensor("round", ct_round(x.handle)) }

/// x · sigmoid(x), also called swish.
///
/// - Parameter x: any shape
/// - Returns: the same shape
package func silu(_ x: Tensor) throws(TensorError) -> Tensor { try call("silu", x) }

package func relu(_ x: Tensor) throws(TensorError) -> Tensor { try Tensor("relu", ct_relu(x.handle)) }

/// The Gaussian error linear unit, by its definition over the error function.
///
/// - Parameter x: any shape
/// - Returns: the same shape
package func gelu(_ x: Tensor) throws(TensorError) -> Tensor { try Tensor("gelu", ct_gelu(x.handle)) }

/// The Gaussian error linear unit in its approximation by tanh (`gelu_new`, `gelu_pytorch_tanh`).
///
/// - Parameter x: any shape
/// - Returns: the same shape
package func geluTanh(_ x: Tensor) throws(TensorError) -> Tensor { try call("gelu_tanh", x) }

/// x · sigmoid(1.702 x), CLIP's activation.
///
/// - Parameter x: any shape
/// - Returns: the same shape
package func quickGELU(_ x: Tensor) throws(TensorError) -> Tensor { try call("quick_gelu", x) }

extension Tensor {
    /// Every number moved into a range.
    ///
    /// - Parameters:
    ///   - low: the least value
    ///   - high: the greatest value
    /// - Returns: the same shape
    package func clamped(_ low: Double, _ high: Double) throws(TensorError) -> Tensor {
        try Tensor("clamp", ct_clamp(handle, low, high))
    }

    /// The sum over some axes, which stay with length 1.
    ///
    /// - Parameter axes: the axes to sum over
    /// - Returns: the same rank
    package func sum(over axes: Int...) throws(TensorError) -> Tensor {
        try Tensor("sum", ct_sum(handle, axes.int64, axes.count, true))
    }

    /// The mean over some axes, which stay with length 1.
    ///
    /// - Parameter axes: the axes to average over
    /// - Returns: the same rank
    package func mean(over axes: Int...) throws(TensorError) -> Tensor {
        try Tensor("mean", ct_mean(handle, axes.int64, axes.count, true))
    }

    /// The greatest number of all.
    ///
    /// - Returns: a number
    package func max() throws(TensorError) -> Float {
        try Tensor("max", ct_max_all(handle)).floats()[0]
    }

    /// Whether no number is infinite or undefined.
    ///
    /// - Returns: true if all are finite
    package func isFinite() throws(TensorError) -> Bool {
        try Tensor("isfinite", ct_is_finite_all(handle)).bytes()[0] != 0
    }
}
