import Foundation
import TestKit
import Testing

@Suite(.serialized) struct ExampleTests {
    @Test(arguments: [
        ("QuickStart", ["quick-start.png"]), ("TextToImage", ["text-to-image.png"]),
        ("Batch", ["batch-1.png", "batch-2.png", "batch-3.png"]),
    ])
    func drawsItsPictures(_ name: String, _ files: [String]) throws {
        let folder = try TemporaryFolder()
        let process = try ExampleProgram.start(name, in: folder)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        for file in files { #expect(FileManager.default.fileExists(atPath: folder.file(file)), "\(file)") }
    }
}
