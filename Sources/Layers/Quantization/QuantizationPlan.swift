internal import Glibc

/// How the linear layers of transformers are quantised, as the user asks for it.
package struct QuantizationPlan: Sendable, Equatable, Codable {
    package var algorithm: QuantAlgorithm
    /// Patterns of the names of layers that stay as they are, with `*`, `?` and `[…]` as in file names.
    package var ignored: [String]
    /// Whether weights are quantised while they are loaded; otherwise the checkpoint must have them quantised.
    package var quantizesWeights = true
    /// Whether inputs get their scales as they come, even where the checkpoint has scales for them.
    package var scalesInputs = true

    /// - Parameters:
    ///   - algorithm: how
    ///   - ignored: patterns of the names of layers that stay as they are
    package init(_ algorithm: QuantAlgorithm, ignoring ignored: [String] = []) {
        (self.algorithm, self.ignored) = (algorithm, ignored)
    }

    /// Whether a layer may be quantised.
    ///
    /// - Parameter name: its path in the checkpoint
    package func includes(_ name: String) -> Bool { !ignored.contains { Self.matches($0, name) } }

    /// Whether a pattern means a layer.
    ///
    /// - Parameters:
    ///   - pattern: with `*`, `?` and `[…]` as in file names; a dot is like any other character
    ///   - name: the layer's path in the checkpoint
    package static func matches(_ pattern: String, _ name: String) -> Bool { fnmatch(pattern, name, FNM_NOESCAPE) == 0 }

    /// Whether every bracket of a pattern is closed.
    ///
    /// - Parameter pattern: what is to be one
    package static func isPattern(_ pattern: String) -> Bool {
        var rest = pattern[...]
        while let open = rest.firstIndex(of: "[") {
            // A bracket that closes at once is one of the characters.
            let inside = rest[open...].dropFirst().drop { $0 == "!" || $0 == "^" }.dropFirst()
            guard let close = inside.firstIndex(of: "]") else { return false }
            rest = inside[close...].dropFirst()
        }
        return !pattern.isEmpty
    }
}

extension ComputePlan {
    /// How a layer is quantised while it is loaded; nil if it stays as it is.
    func algorithm(of site: LinearSite) -> QuantAlgorithm? {
        guard let quantization, quantization.quantizesWeights, site.isQuantizable else { return nil }
        return quantization.includes(site.name) ? quantization.algorithm : nil
    }
}
