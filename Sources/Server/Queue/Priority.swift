/// How urgent a request is.
package enum Priority: Int, Sendable, CaseIterable, Comparable, Codable {
    case low, normal, high

    /// - Parameter name: `low`, `normal` or `high`
    package init?(name: String) {
        guard let priority = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = priority
    }

    /// What clients call it.
    package var name: String {
        switch self {
        case .low: "low"
        case .normal: "normal"
        case .high: "high"
        }
    }

    package static func < (left: Priority, right: Priority) -> Bool { left.rawValue < right.rawValue }
}
