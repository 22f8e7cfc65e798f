internal import Foundation
internal import Tensors

/// How much more memory than before the CPU's tensors took while something ran, with what is kept for the next ones.
///
/// The process's own memory would depend on what malloc has free from earlier on; this is the same in every run.
///
/// - Parameter body: what to run; nothing else may run meanwhile
/// - Returns: bytes
package func peakMemory(_ body: () throws -> Void) throws -> Double {
    try HostMemory.resetPeak()
    let before = try HostMemory.peak().reserved
    try HostMemory.reusing(body)
    return Double(try HostMemory.peak().reserved - before)
}
