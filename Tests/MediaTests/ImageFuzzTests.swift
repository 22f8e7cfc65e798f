import Media
import Testing

/// Image files changed at random: any may be refused, none may trap, and one that is accepted is an image.
@Suite struct ImageFuzzTests {
    @Test(arguments: MediaGoldens.names) func survivesMutants(of name: String) throws {
        let bytes = try MediaGoldens.bytes(name)
        var random = SmallRandom(state: UInt64(name.utf8.count))
        for _ in 0..<60 {
            var mutant = bytes
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let place = Int.random(in: 0..<mutant.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: mutant[place] = UInt8.random(in: 0...255, using: &random)
                case 1: mutant[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 2: mutant.remove(at: place)
                default: mutant.insert(UInt8.random(in: 0...255, using: &random), at: place)
                }
            }
            if name.hasSuffix(".png") { Self.mendChecksums(&mutant) }
            guard let image = try? Image(decoding: mutant) else { continue }
            #expect(image.pixels.count == 3 * image.width * image.height)
        }
    }

    /// Without this nearly every mutant of a PNG would be refused before it reaches the decoder.
    static func mendChecksums(_ bytes: inout [UInt8]) {
        var offset = 8
        while offset + 12 <= bytes.count {
            let length = bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
            let end = offset + 8 + length
            guard end + 4 <= bytes.count else { return }
            bytes.replaceSubrange(
                end..<end + 4, with: ImageBytes.big(Int(ImageBytes.checksum(Array(bytes[offset + 4..<end])))))
            offset = end + 4
        }
    }
}

/// Steele, Lea and Flood's generator: small, and the same everywhere.
struct SmallRandom: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
