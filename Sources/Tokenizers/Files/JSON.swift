/// A JSON value, with objects in the order of the file.
package enum JSON: Sendable, Equatable {
    case null
    case bool(Bool)
    /// A number written without fraction and exponent that fits 64 bits.
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSON])
    case object([Member])

    /// One key of an object and its value.
    package struct Member: Sendable, Equatable {
        package let key: String
        package let value: JSON

        package init(key: String, value: JSON) {
            self.key = key
            self.value = value
        }
    }

    /// Reads one JSON document.
    ///
    /// - Parameters:
    ///   - bytes: the document, UTF-8
    ///   - file: what errors call the document
    /// - Returns: the value
    /// - Throws: ``TokenizerError/malformed(file:offset:reason:)``
    package static func read(_ bytes: [UInt8], file: String) throws -> JSON {
        do {
            return try bytes.withUnsafeBufferPointer { buffer in
                var reader = JSONReader(bytes: buffer)
                return try reader.document()
            }
        } catch let error as JSONReader.SyntaxError {
            throw TokenizerError.malformed(file: file, offset: error.offset, reason: error.reason)
        }
    }
}
