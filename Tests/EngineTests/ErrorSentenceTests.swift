import Engine
import Files
import Foundation
import TestKit
import Testing

/// Whatever Foundation throws becomes a sentence.
@Suite struct ErrorSentenceTests {
    @Test func foundationsErrorsAreSentences() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("x", to: "file")
        let attempts: [() throws -> Void] = [
            { _ = try Data(contentsOf: URL(fileURLWithPath: folder.file("none"))) },
            { try Data("x".utf8).write(to: URL(fileURLWithPath: "\(file)/a")) },
            { try FileManager.default.removeItem(atPath: folder.file("none")) },
            { try FileManager.default.createDirectory(atPath: "\(file)/a", withIntermediateDirectories: true) },
            { _ = try FileManager.default.contentsOfDirectory(atPath: file) },
            { _ = try String(contentsOfFile: folder.file("none"), encoding: .utf8) },
        ]
        for attempt in attempts {
            let error = try #require(throws: (any Error).self) { try attempt() }
            for text in [error.sentence, Failure(of: error).message] {
                #expect(
                    !text.contains("Error Domain") && !text.contains("Code=") && !text.contains("NSCocoa"), "\(text)")
                #expect(text.contains("\(folder.path)/") && text.contains(" cannot be used: "), "\(text)")
            }
        }
        #expect(POSIXError(.ENOSPC).sentence == "No space left on device")
    }

    @Test func ownErrorsKeepTheirSentence() {
        #expect(FileError("/a", .notRegular).sentence == "/a is not a regular file")
        #expect(EngineError.closed.sentence == "\(EngineError.closed)")
    }
}
