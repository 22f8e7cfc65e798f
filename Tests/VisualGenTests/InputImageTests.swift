import Foundation
import Media
import TestKit
import Testing
import VisualGen

@Suite struct InputImageTests {
    private let folder: TemporaryFolder
    private let pixels: [UInt8] = (0..<18).map { UInt8($0 * 14) }

    init() throws {
        folder = try TemporaryFolder()
        try Image(width: 3, height: 2, pixels: pixels).write(to: folder.file("a.png"))
    }

    @Test func comesFromAFileFromBytesAndFromPixels() throws {
        let file = try InputImage(path: folder.file("a.png"))
        #expect(file.name == folder.file("a.png"))
        #expect((file.height, file.width) == (2, 3))
        #expect(file.pixels == pixels)
        let data = try Data(contentsOf: URL(fileURLWithPath: folder.file("a.png")))
        #expect(try InputImage(data: data, name: file.name) == file)
        #expect(try InputImage(data: [UInt8](data)).name == "image")
        #expect(try InputImage(height: 2, width: 3, pixels: pixels, name: file.name) == file)
    }

    @Test func saysWhatIsWrong() throws {
        try folder.write("no image", to: "b.png")
        let path = folder.file("b.png")
        #expect(
            throws: VisualGenError.input("\(path) cannot be used: the data are neither PNG nor JPEG nor WebP nor GIF")
        ) { try InputImage(path: path) }
        #expect(throws: VisualGenError.input("/nowhere/a.png cannot be read: No such file or directory")) {
            try InputImage(path: "/nowhere/a.png")
        }
        for (height, width) in [(2, 2), (0, 3), (-1, -18), (Int.max, Int.max)] {
            #expect(throws: VisualGenError.self) { try InputImage(height: height, width: width, pixels: pixels) }
        }
        #expect(throws: VisualGenError.self) { try InputImage(data: [1, 2, 3]) }
    }

    @Test func isReadWithTheOtherParameters() throws {
        let path = ConfigValue.string(folder.file("a.png"))
        let image = try InputImage(path: folder.file("a.png"))
        #expect(try VisualGenParams(dictionary: ["image": path]).images == [image])
        #expect(try VisualGenParams(dictionary: ["image": [path, path]]).images == [image, image])
        #expect(try VisualGenParams(dictionary: ["last_image": path]).lastImage == image)
        let extra = try VisualGenParams(dictionary: ["extra_params": ["last_image": path, "guidance_scale_2": 3]])
        #expect(extra.lastImage == image)
        #expect(extra.extraParams == ["guidance_scale_2": 3])
        let error = #expect(throws: ConfigurationError.self) {
            try VisualGenParams(dictionary: ["image": "/nowhere/a.png", "last_image": 3])
        }
        #expect(error?.problems.map(\.field) == ["image[0]", "last_image"])
    }
}
