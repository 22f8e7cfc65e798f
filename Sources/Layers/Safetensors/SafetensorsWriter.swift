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
        let sorted = tensors.enumerated().sorted {
            ($1.element.dtype.byteSize, $0.offset) < ($0.element.dtype.byteSize, $1.offset)
        }.map(\.element)
        let header = try header(of: sorted, metadata: metadata, file: path)
        try onFile { () throws(FileError) in
            let file = try AtomicFile(replacing: path)
            try file.append(header)
            for tensor in sorted { try file.append(tensor.bytes) }
            try file.commit()
        }
    }

    /// The length, the JSON and blanks up to a multiple of 8 bytes.
    private static func header(
        of tensors: [Tensor], metadata: [String: String], file: String
    ) throws(SafetensorsError) -> [UInt8] {
        var fields: [String] = []
        if !metadata.isEmpty {
            let texts = metadata.sorted { $0.key < $1.key }.map { "\($0.key.json):\($0.value.json)" }
            fields.append("\(SafetensorsHeaderParser.metadataKey.json):{\(texts.joined(separator: ","))}")
        }
        var names: Set<String> = []
        var begin = 0
        for tensor in tensors {
            guard !tensor.name.isEmpty else { throw .tensor(tensor.name, in: file, .unnamed) }
            guard tensor.name != SafetensorsHeaderParser.metadataKey else {
                throw .tensor(tensor.name, in: file, .reservedName)
            }
            guard names.insert(tensor.name).inserted else { throw .tensor(tensor.name, in: file, .duplicate) }
            guard let size = tensor.dtype.byteCount(shape: tensor.shape), tensor.shape.allSatisfy({ $0 >= 0 }) else {
                throw .tensor(tensor.name, in: file, .sizeOverflows(shape: tensor.shape))
            }
            guard size == tensor.bytes.count else {
                throw .tensor(
                    tensor.name, in: file,
                    .wrongSize(shape: tensor.shape, expected: size, found: tensor.bytes.count))
            }
            let shape = tensor.shape.map(String.init).joined(separator: ",")
            fields.append(
                #"\#(tensor.name.json):{"dtype":"\#(tensor.dtype.rawValue)","shape":[\#(shape)],"#
                    + #""data_offsets":[\#(begin),\#(begin + size)]}"#)
            begin += size
        }
        var text = Array("{\(fields.joined(separator: ","))}".utf8)
        text.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - text.count % 8) % 8))
        guard text.count <= SafetensorsHeader.lengthLimit else {
            throw .header(file, .tooLong(claimed: UInt64(text.count), limit: SafetensorsHeader.lengthLimit))
        }
        return withUnsafeBytes(of: UInt64(text.count).littleEndian) { [UInt8]($0) } + text
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
