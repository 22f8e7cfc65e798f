/// A number of bytes, or of what takes bytes: sums and products beyond the largest number stay at it.
///
/// Each field of a request and of a config has its own limit, but what is counted are products of many of them. Such a
/// forecast only has to be refused, for which any number larger than every machine's memory will do.
package struct MemorySize: Sendable, Hashable {
    /// How many; never negative.
    package let count: Int

    /// - Parameter count: how many; what is below zero counts as none
    package init(_ count: Int) { self.count = max(0, count) }

    /// - Parameter count: how many, rounded down; not a number counts as the largest
    package init(_ count: Double) { self.count = count < 0 ? 0 : Int(exactly: count.rounded(.down)) ?? .max }

    package static func + (left: Self, right: Self) -> Self {
        let (sum, overflow) = left.count.addingReportingOverflow(right.count)
        return Self(overflow ? .max : sum)
    }

    package static func * (left: Self, right: Self) -> Self {
        let (product, overflow) = left.count.multipliedReportingOverflow(by: right.count)
        return Self(overflow ? .max : product)
    }

    package static func + (left: Self, right: Int) -> Self { left + Self(right) }
    package static func * (left: Self, right: Int) -> Self { left * Self(right) }

    /// - Parameters:
    ///   - left: what is divided
    ///   - right: into how many parts; below 1 counts as one
    /// - Returns: one part, rounded down
    package static func / (left: Self, right: Int) -> Self { Self(left.count / max(1, right)) }
}

extension MemorySize: ExpressibleByIntegerLiteral {
    package init(integerLiteral count: Int) { self.init(count) }
}

extension MemorySize: Comparable {
    package static func < (left: Self, right: Self) -> Bool { left.count < right.count }
}

extension MemorySize: Codable {
    package init(from decoder: any Decoder) throws { self.init(try decoder.singleValueContainer().decode(Int.self)) }

    package func encode(to encoder: any Encoder) throws {
        var value = encoder.singleValueContainer()
        try value.encode(count)
    }
}

extension Sequence<MemorySize> {
    /// All of them together.
    package func sum() -> MemorySize { reduce(0, +) }
}
