internal import ArgumentParser

/// A number of bytes, as `500MB`, `8GB`, `7.5GiB` or a plain number.
struct ByteCount: ExpressibleByArgument {
    let bytes: Int

    private static let units: [(name: String, bytes: Double)] = [
        ("kb", 1e3), ("mb", 1e6), ("gb", 1e9), ("tb", 1e12), ("kib", 1024), ("mib", 1_048_576), ("gib", 1_073_741_824),
        ("tib", 1_099_511_627_776), ("b", 1), ("", 1),
    ]

    init?(argument: String) {
        let number = argument.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let unit = argument.dropFirst(number.count).lowercased()
        guard let scale = Self.units.first(where: { $0.name == unit })?.bytes, let count = Double(number),
            let bytes = Int(exactly: (count * scale).rounded()), bytes > 0
        else { return nil }
        self.bytes = bytes
    }
}
