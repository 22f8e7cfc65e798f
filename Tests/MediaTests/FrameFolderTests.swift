import Foundation
import Media
import Testing

/// Numbered frames beside other numbered images.
@Suite struct FrameFolderTests {
    private let folder: MediaFolder
    private static let texts = [
        PNGText(keyword: "Software", text: "VisualGen"), PNGText(keyword: "prompt", text: "a lake"),
    ]

    init() throws { folder = try MediaFolder() }

    private func write(_ frames: Int, _ texts: [PNGText] = texts) throws {
        try TestVideo.write(to: "\(folder.path)/a-%d.png", frames: frames, width: 16, height: 16, texts: texts)
    }

    /// The frames of a longer video made before are not left to follow the last one.
    @Test func aShorterVideoLeavesNoFramesOfTheLongerOne() throws {
        try write(5)
        try write(2)
        #expect(folder.names.sorted() == ["a-0.png", "a-1.png"])
    }

    /// A photo that happens to have the next number is somebody else's, whatever program it says it is from.
    @Test(arguments: [[], [PNGText(keyword: "Software", text: "Camera"), PNGText(keyword: "prompt", text: "")]])
    func otherImagesStay(_ others: [PNGText]) throws {
        try write(5, others)
        try write(2)
        #expect(folder.names.sorted() == (0..<5).map { "a-\($0).png" })
        try Data("no image".utf8).write(to: URL(fileURLWithPath: "\(folder.path)/a-2.png"))
        try write(1)
        #expect(folder.names.count == 4 || folder.names.count == 5)
        #expect(try String(contentsOfFile: "\(folder.path)/a-2.png", encoding: .utf8) == "no image")
    }
}
