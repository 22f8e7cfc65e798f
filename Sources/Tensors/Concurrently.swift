internal import CTorch

/// Does two things that need nothing of each other: on a GPU side by side, else one after the other.
///
/// What the first reads must not be released before this returns. It is not called inside itself.
///
/// - Parameters:
///   - aside: the one of few or small operations, which do not fill a GPU
///   - main: the other
/// - Returns: both results
package func concurrently<Aside, Main>(
    _ aside: () throws(TensorError) -> Aside, _ main: () throws(TensorError) -> Main
) throws(TensorError) -> (Aside, Main) {
    try check(ct_step_aside())
    let first: Result<Aside, TensorError>
    do { first = .success(try aside()) } catch { first = .failure(error) }
    try check(ct_step_back())
    let second: Result<Main, TensorError>
    do { second = .success(try main()) } catch { second = .failure(error) }
    try check(ct_join_aside())
    return (try first.get(), try second.get())
}

private func check(_ status: ct_status) throws(TensorError) {
    guard status == 0 else { throw TensorError.ofThisThread(in: "concurrently") }
}
