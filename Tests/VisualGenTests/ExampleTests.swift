import Foundation
import Media
import TestKit
import Testing

@Suite(.serialized) struct ExampleTests {
    @Test(arguments: [
        ("QuickStart", ["quick-start.png"]), ("TextToImage", ["text-to-image.png"]),
        ("Batch", ["batch-1.png", "batch-2.png", "batch-3.png"]),
    ])
    func makesItsImages(_ name: String, _ files: [String]) throws {
        let folder = try TemporaryFolder()
        let process = try ExampleProgram.start(name, in: folder)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        for file in files { #expect(FileManager.default.fileExists(atPath: folder.file(file)), "\(file)") }
    }

    @Test func makesAVideoOfAnImage() throws {
        let folder = try TemporaryFolder()
        let image = "\(Golden.folder)/wan/pictures/first.png"
        let model = TinyCheckpoint.path(of: "wan2.1-tiny-i2v")
        let process = try ExampleProgram.start("ImageToVideo", [image, "a lake", "lake.mp4", model], in: folder)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(try VideoReader(path: folder.file("lake.mp4")).rate?.value == 16)
    }

    @Test func refusesAMissingImageBeforeItLooksForAModel() throws {
        let folder = try TemporaryFolder()
        let process = try ExampleProgram.start("ImageToVideo", ["none.png", "a lake"], in: folder)
        process.waitUntilExit()
        #expect(process.terminationStatus == 1)
        #expect(folder.names == [])
    }
}
