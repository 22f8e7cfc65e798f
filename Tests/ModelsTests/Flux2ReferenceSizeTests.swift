import Diffusion
import Foundation
import Models
import TestKit
import Testing

@Suite struct Flux2ReferenceSizeTests {
    private struct Size: Decodable {
        let width, height: Int
        /// Width and height; nil for an image that is refused.
        let resized, cropped: [Int]?
    }

    @Test func preparesImagesAsTheReference() throws {
        let path = "\(Golden.folder)/flux2/reference_sizes.json"
        let all = try JSONDecoder().decode([Size].self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        #expect(all.contains { $0.resized == nil } && all.contains { $0.resized != nil })
        for size in all {
            #expect(Flux2.ReferenceSize.takes(width: size.width, height: size.height) == (size.resized != nil))
            guard let resized = size.resized else { continue }
            let found = Flux2.ReferenceSize(width: size.width, height: size.height, granularity: 16)
            #expect([found.width, found.height] == resized, "\(size)")
            #expect([found.crop.width, found.crop.height] == size.cropped, "\(size)")
        }
    }
}
