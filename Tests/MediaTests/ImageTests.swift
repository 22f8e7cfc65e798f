import Media
import Testing

@Suite struct ImageTests {
    @Test func needsThreeBytesForEachPixel() throws {
        let image = try Image(width: 2, height: 1, pixels: [1, 2, 3, 4, 5, 6])
        #expect(image[1, 0] == (4, 5, 6))
        #expect(throws: MediaError.pixelCount(width: 2, height: 1, found: 7)) {
            try Image(width: 2, height: 1, pixels: [1, 2, 3, 4, 5, 6, 7])
        }
        #expect(throws: MediaError.emptyImage(width: 0, height: 4)) { try Image(width: 0, height: 4, pixels: []) }
        #expect(throws: MediaError.emptyImage(width: -1, height: -1)) {
            try Image(width: -1, height: -1, pixels: [1, 2, 3])
        }
        #expect(throws: MediaError.pixelCount(width: .max, height: .max, found: 3)) {
            try Image(width: .max, height: .max, pixels: [1, 2, 3])
        }
    }

    @Test func takesItsFormatFromAName() throws {
        #expect(try ImageFormat(path: "/a/b.c/image.PNG") == .png)
        #expect(try ImageFormat(path: "a.png.jpeg") == .jpeg)
        #expect(try ImageFormat(path: "a.jpg") == .jpeg)
        #expect(try ImageFormat(path: "a.webp").mediaType == "image/webp")
    }

    @Test(arguments: ["a", "a.", "png", "a.bmp", "a.png/b", "", "/", "a.png "]) func namesTheFormatsThereAre(
        path: String
    ) {
        #expect(throws: MediaError.unknownExtension(path: path, known: [".png", ".jpg", ".jpeg", ".webp"])) {
            try ImageFormat(path: path)
        }
    }
}
