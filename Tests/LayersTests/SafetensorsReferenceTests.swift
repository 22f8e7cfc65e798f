import Foundation
import Layers
import TestKit
import Testing

/// Headers of many kinds: what the package safetensors reads is read, but for what `docs/differences.md` lists.
@Suite struct SafetensorsReferenceTests {
    private struct Case: Decodable {
        let what, header: String
        let data: Int
        /// What the reference reads, sorted by name; nil if it refuses the file.
        let tensors: [Tensor]?

        var bytes: [UInt8] {
            var (rest, header) = (self.header[...], [UInt8]())
            while let byte = UInt8(rest.prefix(2), radix: 16) {
                header.append(byte)
                rest = rest.dropFirst(2)
            }
            return SafetensorsBytes.file(header, data: data)
        }
    }

    private struct Tensor: Decodable, Equatable {
        let name, dtype: String
        let shape: [UInt64]

        init(_ entry: SafetensorsEntry) {
            (name, dtype, shape) = (entry.name, entry.dtype.rawValue, entry.shape.map(UInt64.init))
        }

        init(from decoder: any Decoder) throws {
            var values = try decoder.unkeyedContainer()
            name = try values.decode(String.self)
            dtype = try values.decode(String.self)
            shape = try values.decode([UInt64].self)
        }
    }

    private static let refusedHere: Set<String> = [
        // Nobody writes these two, and the format does not name them.
        "a list of values", "a dtype as an object",
        // Which of the two is meant would be a guess.
        "a name twice", "a name twice, once escaped",
        // Costs that a file may not choose.
        "a name of 1025 bytes", "metadata: a long key", "shape: 33 dimensions",
        // Strides and sizes that no `Int` holds.
        "shape: a zero before an overflow", "shape: 2^63 and 0",
    ]

    @Test func readsWhatTheReferenceReads() throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: "\(Golden.folder)/safetensors/headers.json"))
        let cases = try JSONDecoder().decode([Case].self, from: data)
        #expect(Self.refusedHere.isSubset(of: cases.map(\.what)))
        for item in cases {
            let found = (try? SafetensorsBytes.header(item.bytes))?.entries.map(Tensor.init)
            if Self.refusedHere.contains(item.what) {
                #expect(item.tensors != nil && found == nil, "\(item.what)")
            } else {
                #expect(found?.sorted { $0.name < $1.name } == item.tensors, "\(item.what)")
            }
        }
    }
}
