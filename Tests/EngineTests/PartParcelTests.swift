import Diffusion
import Engine
import Foundation
import Messaging
import Testing

@Suite struct PartParcelTests {
    @Test func partsComeOutAsTheyWentIn() throws {
        let buffer = try SharedBuffer()
        let shape = PixelShape(count: 2, frames: 9, height: 3, width: 5)
        let bytes = (0..<2 * 4 * shape.frameBytes).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let sound = SoundPart(
            SoundShape(count: 2, channels: 2, samples: 5, rate: 48_000), samples: (0..<20).map { Float($0) / 20 - 0.5 })
        let pixels = PixelPart(shape, frames: 4, count: 4, bytes: bytes)
        // Both are in the buffer at once, and are taken out in either order.
        let parcels = try [OutputPart.sound(sound), .pixels(pixels)].map { try PartParcel($0, into: buffer) }
        let messages = try parcels.map { try JSONEncoder().encode($0) }
        #expect(messages.allSatisfy { $0.count < 300 })
        for message in messages.reversed() {
            switch try JSONDecoder().decode(PartParcel.self, from: message).unpacked(from: buffer) {
            case .sound(let part): #expect(part == sound)
            case .pixels(let part):
                #expect(part.bytes == bytes && part.shape == shape)
                #expect(part.firstFrame == 4 && part.frameCount == 4)
            }
        }
    }

    @Test func whatTheBufferLacksIsAnError() throws {
        let buffer = try SharedBuffer()
        let part = PixelPart(PixelShape(count: 1, height: 2, width: 2), bytes: Array(repeating: 7, count: 12))
        let parcel = try PartParcel(.pixels(part), into: buffer)
        try buffer.clear(to: 5)
        #expect(throws: MessagingError.self) { try parcel.unpacked(from: buffer) }
    }
}
