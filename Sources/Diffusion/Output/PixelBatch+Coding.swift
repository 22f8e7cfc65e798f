internal import Foundation

extension PixelBatch: Codable {
    private enum CodingKeys: String, CodingKey { case shape, bytes }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        let shape = try values.decode(PixelShape.self, forKey: .shape)
        let bytes = try values.decode(Data.self, forKey: .bytes)
        guard bytes.count == shape.byteCount else {
            throw DecodingError.dataCorruptedError(
                forKey: .bytes, in: values, debugDescription: "\(bytes.count) bytes instead of \(shape.byteCount)")
        }
        self.init(shape, bytes: [UInt8](bytes))
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(shape, forKey: .shape)
        try values.encode(Data(bytes), forKey: .bytes)
    }
}
