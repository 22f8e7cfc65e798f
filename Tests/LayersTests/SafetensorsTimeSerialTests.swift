import Layers
import Testing

@Suite struct SafetensorsTimeSerialTests {
    let bytes = SafetensorsBytes.self

    /// Milliseconds in a release build; the bound leaves room for a debug build on a busy machine.
    @Test func readsAHeaderOf1500TensorsQuickly() throws {
        let entries = (0..<1500).map { number in
            bytes.entry(
                "transformer_blocks.\(number).attn.to_q.weight", "BF16", "2,2", "\(8 * number),\(8 * number + 8)")
        }
        let file = bytes.file("{\(entries.joined(separator: ","))}", data: 8 * 1500)
        var header: SafetensorsHeader?
        let time = try ContinuousClock().measure { header = try bytes.header(file) }
        #expect(header?.entries.count == 1500)
        #expect(time < .seconds(2))
    }
}
