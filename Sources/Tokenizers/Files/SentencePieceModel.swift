/// What a tokenizer takes from a SentencePiece model file (`spiece.model`).
// Source: google/sentencepiece, src/sentencepiece_model.proto.
struct SentencePieceModel {
    struct Piece {
        var text = ""
        var score: Float = 0
        var kind = Kind.normal
    }

    enum Kind: UInt64 {
        case normal = 1
        case unknown, control, userDefined, unused, byte
    }

    /// How the model cuts words; only the first is read.
    private static let unigram: UInt64 = 1

    private(set) var pieces: [Piece] = []
    /// The precompiled character map, empty if the model has none.
    private(set) var characterMap: [UInt8] = []

    /// - Throws: ``TokenizerError/invalid(file:key:reason:)``, ``TokenizerError/unsupported(file:key:name:)``
    init(_ bytes: [UInt8], file: String) throws {
        do {
            var message = ProtobufReader(bytes[...])
            while let field = try message.next() {
                switch field {
                case .bytes(1, let piece): pieces.append(try Self.piece(piece))
                case .bytes(2, let trainer): try Self.check(trainer, file: file)
                case .bytes(3, let normalizer): characterMap = try Self.characterMap(normalizer)
                default: break
                }
            }
        } catch let error as ProtobufReader.Malformed {
            throw TokenizerError.invalid(file: file, key: "the SentencePiece model", reason: error.reason)
        }
    }

    private static func piece(_ bytes: ArraySlice<UInt8>) throws -> Piece {
        var message = ProtobufReader(bytes)
        var piece = Piece()
        while let field = try message.next() {
            switch field {
            case .bytes(1, let text):
                guard let text = String(validating: text, as: UTF8.self) else {
                    throw ProtobufReader.Malformed(reason: "a piece is not valid UTF-8")
                }
                piece.text = text
            case .fixed32(2, let bits): piece.score = Float(bitPattern: bits)
            case .varint(3, let kind): piece.kind = Kind(rawValue: kind) ?? .normal
            default: break
            }
        }
        return piece
    }

    private static func check(_ bytes: ArraySlice<UInt8>, file: String) throws {
        var message = ProtobufReader(bytes)
        while let field = try message.next() {
            if case .varint(3, let type) = field, type != unigram {
                throw TokenizerError.unsupported(file: file, key: "trainer_spec.model_type", name: "model type \(type)")
            }
        }
    }

    private static func characterMap(_ bytes: ArraySlice<UInt8>) throws -> [UInt8] {
        var message = ProtobufReader(bytes)
        var map: [UInt8] = []
        while let field = try message.next() {
            if case .bytes(2, let bytes) = field { map = Array(bytes) }
        }
        return map
    }
}

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
