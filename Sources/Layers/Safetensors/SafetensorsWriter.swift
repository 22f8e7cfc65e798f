internal import Files

/// Writes tensors into a safetensors file, all or nothing.
package enum SafetensorsWriter {
    /// A tensor to be written.
    package struct Tensor: Equatable, Sendable {
        /// Its key, not empty.
        package let name: String
        /// The type of its elements.
        package let dtype: SafetensorsDtype
        /// Its sizes, outermost first.
        package let shape: [Int]
        /// Its elements in row-major order, little-endian; `dtype.byteCount(shape:)` bytes.
        package let bytes: [UInt8]

        package init(name: String, dtype: SafetensorsDtype, shape: [Int], bytes: [UInt8]) {
            (self.name, self.dtype, self.shape, self.bytes) = (name, dtype, shape, bytes)
        }

        /// A tensor of 32-bit floats.
        package init(name: String, shape: [Int], floats: [Float]) {
            self.init(name: name, dtype: .float32, shape: shape, bytes: floats.withUnsafeBytes { [UInt8]($0) })
        }
    }

    /// Writes the tensors, the ones with larger elements first so that each is aligned, else in the order given.
    ///
    /// A file of this name is replaced in one step. On an error it stays as it was, and nothing new is left behind.
    ///
    /// - Parameters:
    ///   - tensors: no two of the same name
    ///   - metadata: texts for `__metadata__`
    ///   - path: the file to be written; its folder must exist
    /// - Throws: `.tensor` for what cannot be said in the format, `.header` if the header grows too long, `.file`
    package static func write(
        _ tensors: [Tensor], metadata: [String: String] = [:], to path: String
    ) throws(SafetensorsError) {
        for tensor in tensors where tensor.dtype.byteCount(shape: tensor.shape) != tensor.bytes.count {
            guard let size = tensor.dtype.byteCount(shape: tensor.shape), tensor.shape.allSatisfy({ $0 >= 0 }) else {
                continue
            }
            throw .tensor(
                tensor.name, in: path, .wrongSize(shape: tensor.shape, expected: size, found: tensor.bytes.count))
        }
        var stream = try SafetensorsStream(
            tensors.map { SafetensorsStream.Entry($0.name, $0.dtype, $0.shape) }, metadata: metadata, to: path)
        for tensor in tensors { try stream.write(tensor.name, tensor.bytes) }
        try stream.commit()
    }
}

extension SafetensorsHeader {
    /// The length, the JSON and blanks up to a multiple of 8 bytes, and where in the file each tensor comes.
    static func written(
        _ entries: [SafetensorsStream.Entry], metadata: [String: String], file: String
    ) throws(SafetensorsError) -> (header: [UInt8], places: [ExactText: Range<Int>]) {
        var fields: [String] = []
        if !metadata.isEmpty {
            let texts = metadata.sorted { $0.key < $1.key }.map { "\($0.key.json):\($0.value.json)" }
            fields.append("\(SafetensorsHeaderParser.metadataKey.json):{\(texts.joined(separator: ","))}")
        }
        var places: [ExactText: Range<Int>] = [:]
        var begin = 0
        for entry in entries {
            guard !entry.name.isEmpty else { throw .tensor(entry.name, in: file, .unnamed) }
            guard entry.name != SafetensorsHeaderParser.metadataKey else {
                throw .tensor(entry.name, in: file, .reservedName)
            }
            guard let size = entry.dtype.byteCount(shape: entry.shape), entry.shape.allSatisfy({ $0 >= 0 }) else {
                throw .tensor(entry.name, in: file, .sizeOverflows(shape: entry.shape))
            }
            guard places.updateValue(begin..<begin + size, forKey: ExactText(entry.name)) == nil else {
                throw .tensor(entry.name, in: file, .duplicate)
            }
            let shape = entry.shape.map(String.init).joined(separator: ",")
            fields.append(
                #"\#(entry.name.json):{"dtype":"\#(entry.dtype.rawValue)","shape":[\#(shape)],"#
                    + #""data_offsets":[\#(begin),\#(begin + size)]}"#)
            begin += size
        }
        var text = Array("{\(fields.joined(separator: ","))}".utf8)
        text.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - text.count % 8) % 8))
        guard text.count <= SafetensorsHeader.lengthLimit else {
            throw .header(file, .tooLong(claimed: UInt64(text.count), limit: SafetensorsHeader.lengthLimit))
        }
        let header = withUnsafeBytes(of: UInt64(text.count).littleEndian) { [UInt8]($0) } + text
        return (header, places.mapValues { $0.lowerBound + header.count..<$0.upperBound + header.count })
    }
}

extension String {
    /// The text as a JSON string, with its quotation marks.
    fileprivate var json: String {
        var literal = "\""
        for scalar in unicodeScalars {
            switch scalar {
            case "\"", "\\": literal += "\\\(scalar)"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                literal += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: literal.unicodeScalars.append(scalar)
            }
        }
        return literal + "\""
    }
}
