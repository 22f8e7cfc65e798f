extension VisualGenArgs {
    /// Where a worker computes, written `cpu`, `cuda` or `cuda:N`.
    public enum Device: Sendable, Hashable {
        /// The processor.
        case cpu
        /// An NVIDIA GPU; nil takes the first that is free.
        case cuda(index: Int?)
    }

    /// A type that a worker computes in.
    public enum DataType: String, Sendable, CaseIterable {
        /// 16 bits with the range of 32.
        case bfloat16
        /// 16 bits.
        case float16
        /// 32 bits.
        case float32
    }

    /// Where requests are computed.
    public enum WorkerMode: String, Sendable, CaseIterable {
        /// In processes of their own: what goes wrong there ends one request, never the program.
        case process
        /// In this process.
        case inProcess = "in_process"
    }
}

extension VisualGenArgs.Device: LosslessStringConvertible {
    /// Reads what ``description`` writes.
    public init?(_ description: String) {
        var problems: [ConfigProblem] = []
        guard let device = Self.read(.string(description), at: "device", into: &problems) else { return nil }
        self = device
    }

    /// As in YAML: `cpu`, `cuda`, `cuda:1`.
    public var description: String {
        switch self {
        case .cpu: "cpu"
        case .cuda(let index): index.map { "cuda:\($0)" } ?? "cuda"
        }
    }
}

extension VisualGenArgs.DataType: ConfigName {}
extension VisualGenArgs.WorkerMode: ConfigName {}

extension VisualGenArgs.Device: ConfigField {
    static var kind: String { "cpu, cuda or cuda:N" }

    static func read(_ value: ConfigValue, at path: String, into problems: inout [ConfigProblem]) -> Self? {
        switch value {
        case "cpu": return .cpu
        case "cuda": return .cuda(index: nil)
        case .string(let name):
            let digits = name.dropFirst("cuda:".count)
            if name.hasPrefix("cuda:"), digits.utf8.count <= 4, digits.utf8.allSatisfy({ (48...57).contains($0) }),
                let index = Int(digits)
            {
                return .cuda(index: index)
            }
        default: break
        }
        problems.append(mismatch(value, at: path))
        return nil
    }

    var configValue: ConfigValue { .string(description) }

    func check(at path: String, into problems: inout [ConfigProblem]) {
        if case .cuda(let index?) = self, !(0...9999).contains(index) {
            problems.append(Self.mismatch(configValue, at: path))
        }
    }
}

/// A number of bytes, which may be written with a unit.
struct ByteCount: ConfigField {
    let bytes: Int

    static var kind: String { "a number of bytes, or text such as 8GB or 8GiB" }

    static func read(_ value: ConfigValue, at path: String, into problems: inout [ConfigProblem]) -> ByteCount? {
        let before = problems.count
        switch value {
        case .int(let bytes):
            ByteCount(bytes: bytes).check(at: path, into: &problems)
            if problems.count == before { return ByteCount(bytes: bytes) }
        case .string(let text):
            if let bytes = bytes(in: text) { return ByteCount(bytes: bytes) }
            problems.append(mismatch(value, at: path))
        default: problems.append(mismatch(value, at: path))
        }
        return nil
    }

    var configValue: ConfigValue { .int(bytes) }

    func check(at path: String, into problems: inout [ConfigProblem]) {
        if bytes < 1 { problems.append(ConfigProblem(path, "must be at least 1 byte, not \(bytes)")) }
    }

    /// The units and their bytes.
    private static let units: [String: Double] = [
        "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
        "KIB": 1024, "MIB": 1_048_576, "GIB": 1_073_741_824, "TIB": 1_099_511_627_776,
    ]

    /// - Parameter text: a number and a unit, with or without a space between them
    /// - Returns: nil if it is anything else, or less than a byte
    private static func bytes(in text: String) -> Int? {
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let unit = text.dropFirst(number.count).drop { $0 == " " }
        guard let count = Double(number), let size = units[unit.uppercased()], count * size >= 1, count * size < 1e18
        else { return nil }
        return Int((count * size).rounded())
    }
}
