import Layers
import TestKit
import Testing

/// Files changed at random: any may be refused, none may trap, and one that is accepted must hold together.
@Suite struct SafetensorsFuzzTests {
    @Test(arguments: 0..<10) func survivesAThousandMutants(seed: Int) throws {
        var random = SplitMix(state: UInt64(seed))
        var accepted = 0
        for _ in 0..<1000 {
            var bytes = Self.valid
            for _ in 0..<Int.random(in: 1...4, using: &random) { Self.mutate(&bytes, &random) }
            guard let header = try? SafetensorsBytes.header(bytes) else { continue }
            accepted += 1
            Self.check(header, size: bytes.count)
        }
        #expect(accepted > 0, "the mutants never get through, so they test too little")
    }

    static let valid: [UInt8] = {
        let entry = SafetensorsBytes.entry
        let entries = [
            entry("a", "F32", "2,3", "0,24"), entry("b.weight", "BF16", "4", "24,32"), entry("c", "I64", "", "32,40"),
            entry("d", "U8", "0,7", "40,40"), entry("é", "BOOL", "1,1,1", "40,41"),
        ]
        let metadata = #""__metadata__":{"format":"pt","note":"a\"\u00e9"}"#
        return SafetensorsBytes.file("{\(metadata),\(entries.joined(separator: ","))}  ", data: 41)
    }()

    static func mutate(_ bytes: inout [UInt8], _ random: inout SplitMix) {
        guard !bytes.isEmpty else { return }
        let place = Int.random(in: bytes.indices, using: &random)
        let telling = Array("{}[]\",:\\0123456789.-eEu ".utf8)
        switch Int.random(in: 0..<8, using: &random) {
        case 0: bytes[place] = UInt8.random(in: .min ... .max, using: &random)
        case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 2: bytes.remove(at: place)
        case 3: bytes.insert(telling.randomElement(using: &random) ?? 0, at: place)
        case 4: bytes[place] = telling.randomElement(using: &random) ?? 0
        case 5: bytes.removeLast(Int.random(in: 1...bytes.count, using: &random))
        case 6: bytes[Int.random(in: 0..<min(8, bytes.count), using: &random)] &+= 1
        default:
            let end = min(bytes.count, place + Int.random(in: 1...40, using: &random))
            bytes.insert(contentsOf: bytes[place..<end], at: Int.random(in: bytes.indices, using: &random))
        }
    }

    static func check(_ header: SafetensorsHeader, size: Int) {
        var end = header.entries.first?.byteRange.lowerBound ?? size
        #expect(end >= 10 && end <= size)
        for entry in header.entries {
            #expect(!entry.name.isEmpty && entry.shape.allSatisfy { $0 >= 0 })
            #expect(entry.byteRange.lowerBound == end)
            #expect(entry.dtype.byteCount(shape: entry.shape) == entry.byteRange.count)
            end = entry.byteRange.upperBound
        }
        #expect(end == size)
        #expect(Set(header.entries.map(\.name)).count == header.entries.count)
    }
}
