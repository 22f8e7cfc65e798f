import Foundation
import Layers

/// Bytes of safetensors files, sound and not.
enum SafetensorsBytes {
    /// A file from the text of its header and as many data bytes.
    static func file(_ header: String, data: Int = 0, length: UInt64? = nil) -> [UInt8] {
        file(Array(header.utf8), data: data, length: length)
    }

    static func file(_ header: [UInt8], data: Int = 0, length: UInt64? = nil) -> [UInt8] {
        let length = length ?? UInt64(header.count)
        return withUnsafeBytes(of: length.littleEndian) { [UInt8]($0) } + header
            + (0..<data).map { UInt8(truncatingIfNeeded: $0) }
    }

    /// `"name":{…}` for a header.
    static func entry(_ name: String, _ dtype: String = "U8", _ shape: String = "4", _ offsets: String = "0,4")
        -> String
    {
        #""\#(name)":{"dtype":"\#(dtype)","shape":[\#(shape)],"data_offsets":[\#(offsets)]}"#
    }

    static func header(_ bytes: [UInt8]) throws(SafetensorsError) -> SafetensorsHeader {
        // A copy of exactly the file's size, so that a read past its end leaves the allocation.
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
        defer { copy.deallocate() }
        copy.copyBytes(from: bytes)
        return try SafetensorsHeader(of: UnsafeRawBufferPointer(copy), file: "x.safetensors")
    }
}

/// A folder that is gone at the end of the test.
final class SafetensorsFolder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "safetensors-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }

    @discardableResult func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let file = "\(path)/\(name)"
        try Data(bytes).write(to: URL(filePath: file))
        return file
    }

    @discardableResult func write(_ name: String, _ text: String) throws -> String { try write(name, Array(text.utf8)) }

    /// A small file holding one tensor for each name.
    @discardableResult func writeTensors(_ name: String, _ keys: String...) throws -> String {
        let file = "\(path)/\(name)"
        try SafetensorsWriter.write(
            keys.map { SafetensorsWriter.Tensor(name: $0, shape: [2], floats: [1, 2]) }, to: file)
        return file
    }
}
