internal import Foundation
internal import Synchronization

/// JSON as it goes over the wire: names in snake case, sorted.
enum WireJSON {
    static func encode(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let places = Base64Places()
        if let key = Base64Places.key { encoder.userInfo[key] = places }
        return places.filled(try encoder.encode(value))
    }
}

/// Bytes that stand in JSON as base64.
///
/// ``WireJSON`` puts them in when all else is made: an encoder looks at each of millions of characters.
struct Base64Bytes: Encodable {
    let bytes: [UInt8]

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        let places = Base64Places.key.flatMap { encoder.userInfo[$0] } as? Base64Places
        try container.encode(places?.place(for: bytes) ?? Data(bytes).base64EncodedString())
    }
}

/// What stands in JSON until the bytes do.
private final class Base64Places: Sendable {
    static let key = CodingUserInfoKey(rawValue: "base64Places")

    private let places = Mutex<[(name: String, bytes: [UInt8])]>([])

    /// - Returns: a text that is nowhere else
    func place(for bytes: [UInt8]) -> String {
        let name = Identifier.new("base64")
        places.withLock { $0.append((name, bytes)) }
        return name
    }

    /// The JSON with bytes in their places.
    func filled(_ json: Data) -> Data {
        let found = places.withLock { $0 }.compactMap { name, bytes in
            json.range(of: Data(name.utf8)).map { (place: $0, bytes: bytes) }
        }
        var (filled, rest) = (Data(), json[...])
        filled.reserveCapacity(json.count + found.reduce(0) { $0 + ($1.bytes.count + 2) / 3 * 4 })
        for (place, bytes) in found.sorted(by: { $0.place.lowerBound < $1.place.lowerBound }) {
            filled += rest[..<place.lowerBound]
            filled += Data(bytes).base64EncodedData()
            rest = rest[place.upperBound...]
        }
        filled += rest
        return filled
    }
}
