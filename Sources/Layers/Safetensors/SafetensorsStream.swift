internal import Files

/// Writes a safetensors file a tensor at a time, in any order, so that they need not all be in memory; all or nothing.
package struct SafetensorsStream: ~Copyable {
    /// A tensor that the file will have.
    package struct Entry: Equatable, Sendable {
        /// Its key, not empty.
        package let name: String
        /// The type of its elements.
        package let dtype: SafetensorsDtype
        /// Its sizes, outermost first.
        package let shape: [Int]

        package init(_ name: String, _ dtype: SafetensorsDtype, _ shape: [Int]) {
            (self.name, self.dtype, self.shape) = (name, dtype, shape)
        }
    }

    private let path: String
    private let file: AtomicFile
    private var places: [ExactText: Range<Int>]

    /// Writes the header.
    ///
    /// Tensors with larger elements come first so that each is aligned, else they keep their order.
    ///
    /// - Parameters:
    ///   - entries: the tensors, no two of the same name
    ///   - metadata: texts for `__metadata__`
    ///   - path: the file, which appears on ``commit()``; its folder must exist
    /// - Throws: `.tensor` for what cannot be said in the format, `.header` if the header grows too long, `.file`
    package init(_ entries: [Entry], metadata: [String: String] = [:], to path: String) throws(SafetensorsError) {
        let sorted = entries.enumerated().sorted {
            ($1.element.dtype.byteSize, $0.offset) < ($0.element.dtype.byteSize, $1.offset)
        }.map(\.element)
        let (header, places) = try SafetensorsHeader.written(sorted, metadata: metadata, file: path)
        let file = try onFile { () throws(FileError) in
            let file = try AtomicFile(replacing: path)
            try file.append(header)
            return file
        }
        (self.path, self.places) = (path, places)
        self.file = file
    }

    /// Writes one of the tensors.
    ///
    /// - Parameters:
    ///   - name: its key
    ///   - bytes: its elements in row-major order, little-endian
    /// - Throws: `.tensor` if it is none of those still to come or its size is another, `.file`
    package mutating func write(_ name: String, _ bytes: UnsafeRawBufferPointer) throws(SafetensorsError) {
        guard let place = places.removeValue(forKey: ExactText(name)) else { throw .tensor(name, in: path, .duplicate) }
        guard place.count == bytes.count else {
            throw .tensor(name, in: path, .wrongSize(shape: [], expected: place.count, found: bytes.count))
        }
        do {
            try file.write(bytes, at: place.lowerBound)
        } catch {
            throw .file(error.path, error.fault)
        }
    }

    /// Writes one of the tensors.
    ///
    /// - Parameters:
    ///   - name: its key
    ///   - bytes: as above
    /// - Throws: as above
    package mutating func write(_ name: String, _ bytes: [UInt8]) throws(SafetensorsError) {
        let written: Result<Void, SafetensorsError> = bytes.withUnsafeBytes { bytes in
            do throws(SafetensorsError) { return .success(try write(name, bytes)) } catch { return .failure(error) }
        }
        try written.get()
    }

    /// Gives the file its name.
    ///
    /// - Throws: `.tensor` for one that was not written, `.file`
    package consuming func commit() throws(SafetensorsError) {
        if let missing = places.keys.map(\.text).min() { throw .tensor(missing, in: path, .unwritten) }
        do {
            try file.commit()
        } catch {
            throw .file(error.path, error.fault)
        }
    }
}
