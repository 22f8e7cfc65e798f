/// What a `Range` header asks for of a file.
// Source: RFC 9110, 14.1 and 14.2.
package enum ByteRanges: Equatable {
    /// The whole file: the unit is not bytes, or there are more ranges than anybody needs.
    case whole
    /// These bytes; at least one range, in the order asked for unless some overlap.
    case parts([ClosedRange<Int>])
    /// None of the ranges has any bytes of the file, or one of them is malformed.
    case unsatisfiable

    /// So many ranges apart from each other are served.
    private static let most = 16

    /// - Parameters:
    ///   - header: such as `bytes=0-99`, `bytes=100-`, `bytes=-100` or `bytes=0-9,20-29`
    ///   - size: of the file
    package init(_ header: String, size: Int) {
        let parts = header.utf8.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, String(header: ArraySlice(parts[0]).trimmed).lowercased() == "bytes" else {
            self = .whole
            return
        }
        var ranges: [ClosedRange<Int>] = []
        let specifiers = parts[1].split(separator: UInt8(ascii: ",")).map { ArraySlice($0).trimmed }
            .filter { !$0.isEmpty }
        for specifier in specifiers {
            guard let ends = Self.ends(specifier) else {
                self = .unsatisfiable
                return
            }
            if let range = Self.range(ends, size: size) { ranges.append(range) }
        }
        guard !ranges.isEmpty else {
            self = .unsatisfiable
            return
        }
        let merged = Self.merged(ranges)
        self = merged.count > Self.most ? .whole : .parts(merged.count == ranges.count ? ranges : merged)
    }

    /// The numbers around the hyphen, one of them at least; nil for anything else, and for an end before the beginning.
    private static func ends(_ specifier: ArraySlice<UInt8>) -> (first: Int?, last: Int?)? {
        let numbers = specifier.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard numbers.count == 2, numbers.contains(where: { !$0.isEmpty }) else { return nil }
        guard numbers.joined().allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        let (first, last) = (Self.number(numbers[0]), Self.number(numbers[1]))
        if let first, let last, last < first { return nil }
        return (first, last)
    }

    /// A number, or the greatest there is where it is greater; nil for no digits.
    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        digits.isEmpty ? nil : Int(String(decoding: digits, as: UTF8.self)) ?? .max
    }

    private static func range(_ ends: (first: Int?, last: Int?), size: Int) -> ClosedRange<Int>? {
        guard let first = ends.first else {
            guard let count = ends.last, count > 0, size > 0 else { return nil }
            return max(0, size - count)...size - 1
        }
        return first < size ? first...min(ends.last ?? .max, size - 1) : nil
    }

    /// The ranges by place, those that overlap or touch as one.
    private static func merged(_ ranges: [ClosedRange<Int>]) -> [ClosedRange<Int>] {
        var merged: [ClosedRange<Int>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, range.lowerBound <= last.upperBound + 1 {
                merged[merged.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        return merged
    }
}
