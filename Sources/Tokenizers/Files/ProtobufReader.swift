/// Reads the fields of one Protocol Buffers message in their order.
struct ProtobufReader {
    struct Malformed: Error {
        let reason: String
    }

    /// A field's number and value.
    enum Field {
        case varint(Int, UInt64)
        case fixed32(Int, UInt32)
        case fixed64(Int, UInt64)
        case bytes(Int, ArraySlice<UInt8>)
    }

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) {
        rest = bytes
    }

    /// - Returns: the next field, nil at the end
    /// - Throws: ``Malformed``
    mutating func next() throws -> Field? {
        guard !rest.isEmpty else { return nil }
        let tag = try varint()
        guard let number = Int(exactly: tag >> 3), number > 0 else { throw Malformed(reason: "a field has no number") }
        switch tag & 7 {
        case 0: return .varint(number, try varint())
        case 1: return .fixed64(number, try fixed(8))
        case 2:
            guard let count = Int(exactly: try varint()) else { throw Malformed(reason: "a field is too long") }
            return .bytes(number, try take(count))
        case 5: return .fixed32(number, UInt32(truncatingIfNeeded: try fixed(4)))
        default: throw Malformed(reason: "a field has the unknown wire type \(tag & 7)")
        }
    }

    private mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
        guard count <= rest.count else { throw Malformed(reason: "it ends in the middle of a field") }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    private mutating func fixed(_ count: Int) throws -> UInt64 {
        try take(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private mutating func varint() throws -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard let byte = rest.popFirst() else { throw Malformed(reason: "it ends in the middle of a number") }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw Malformed(reason: "a number is too long")
    }
}
