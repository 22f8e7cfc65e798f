package import Files

/// Weights that are to wait in the host's memory, and do not fit there.
package struct OffloadError: BlamedError, Equatable {
    /// Bytes.
    let needed, available: Int
}

extension OffloadError: CustomStringConvertible {
    package var blame: Blame { .memory }

    package var description: String {
        "cpu_offload_config.enable: the weights take about \(needed / 1_000_000) MB of the host's memory; "
            + "there are \(available / 1_000_000) MB for them"
    }
}
