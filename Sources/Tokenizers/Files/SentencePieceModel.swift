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
