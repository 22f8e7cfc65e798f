internal import Foundation

/// A picture that a request brings along.
package struct InputPicture: Sendable, Equatable {
    /// What the user calls it: a path, or the name of a part of an upload.
    package let name: String
    /// The picture, a batch of one.
    package let pixels: PixelBatch

    /// - Parameters:
    ///   - name: what the user calls it
    ///   - pixels: a batch of one
    package init(name: String, pixels: PixelBatch) { (self.name, self.pixels) = (name, pixels) }
}

extension InputPicture: Codable {
    private enum CodingKeys: String, CodingKey { case name, shape, bytes }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        let shape = try values.decode(PixelShape.self, forKey: .shape)
        let bytes = try values.decode(Data.self, forKey: .bytes)
        guard bytes.count == shape.byteCount else {
            throw DecodingError.dataCorruptedError(
                forKey: .bytes, in: values, debugDescription: "\(bytes.count) bytes instead of \(shape.byteCount)")
        }
        self.init(name: try values.decode(String.self, forKey: .name), pixels: PixelBatch(shape, bytes: [UInt8](bytes)))
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(name, forKey: .name)
        try values.encode(pixels.shape, forKey: .shape)
        try values.encode(Data(pixels.bytes), forKey: .bytes)
    }
}
