internal import CTorch

/// LibTorch's record of the operations and kernels that run, with their times.
package enum Profile {
    /// Records what the calling thread runs while a body runs.
    ///
    /// - Parameters:
    ///   - path: where the record goes, as JSON that viewers of Chrome's traces read; nil for none
    ///   - device: where the body computes
    ///   - body: what to run
    /// - Returns: the body's result
    /// - Throws: the body's error, or ``TensorError``
    package static func record<Value>(to path: String?, on device: Device, _ body: () throws -> Value) throws -> Value {
        guard let path else { return try body() }
        guard ct_profile_begin(device != .cpu) == 0 else { throw TensorError.ofThisThread(in: "profile") }
        let result = Result(catching: body)
        let isKept = ct_profile_end(path) == 0
        let value = try result.get()
        guard isKept else { throw TensorError.ofThisThread(in: "profile") }
        return value
    }
}
