import Diffusion
import Engine
import Files
import Foundation
import Layers
import Media
import Messaging
import Testing

/// Whose fault an error is decides the program's exit status and what becomes of a job.
@Suite struct FailureTests {
    @Test(arguments: [
        (RequestError.missing("prompt") as any Error, Blame.request),
        (InputError("a.png", .notAnImage), .input), (MediaError.cannotRead(path: "a", reason: "b"), .input),
        (MediaError.cannotDecodeVideo(path: "a", reason: "b"), .input),
        (MediaError.missingVideoEncoder(.mp4), .unavailable), (MediaError.missingCodec("png"), .unavailable),
        (MediaError.gifRate(60), .request), (MediaError.noCRF(.gif), .request),
        (MediaError.unknownVideoExtension(path: "a", known: []), .request),
        (MediaError.cannotWrite(path: "a", reason: "b"), .output),
        (FileError("a", .cannotWrite(reason: "b")), .output),
        (SafetensorsError.file("a", .cannotWrite(reason: "b")), .output),
        (MediaError.cannotEncodeVideo(.mp4, reason: "b"), .output), (MediaError.outOfMemory, .memory),
        (MediaError.noFrames, .bug), (MessagingError.tooLong(bytes: 2, limit: 1), .request),
        (MessagingError.system("a", reason: "b"), .unavailable), (CancellationError(), .cancelled),
        (NonFiniteOutput.latents, .model), (GuardrailError.blocked(.output, reason: "b"), .blocked),
        (GuardrailError.unreachable(checker: "a", reason: "b"), .unavailable),
    ])
    func tellsWhoseFaultAnErrorIs(_ error: any Error, _ kind: Blame) {
        #expect(Failure(of: error).kind == kind)
        #expect(Failure(of: error).message == "\(error)")
    }

    /// Foundation's own words are domains and codes.
    @Test func tellsALibrarysErrorInASentence() throws {
        let nowhere = URL(fileURLWithPath: "/nowhere/file")
        let reading = try #require(throws: (any Error).self) { try Data(contentsOf: nowhere) }
        #expect(Failure(of: reading).message == "/nowhere/file cannot be used: No such file or directory")
        let making = try #require(throws: (any Error).self) {
            try FileManager.default.createDirectory(at: nowhere, withIntermediateDirectories: false)
        }
        #expect(Failure(of: making).message.contains("/nowhere/file cannot be used: No such file or directory"))
        let decoding = try #require(throws: (any Error).self) {
            try JSONDecoder().decode([Int].self, from: Data("{".utf8))
        }
        let system = NSError(domain: NSCocoaErrorDomain, code: 512)
        for error in [reading, making, decoding, system, POSIXError(.ENOSPC)] {
            let message = Failure(of: error).message
            for leak in ["Error", "Domain", "Code=", "NSCocoa", "("] { #expect(!message.contains(leak), "\(message)") }
        }
        #expect(Failure(of: POSIXError(.ENOSPC)).message == "No space left on device")
    }

    @Test func sendsNoTerminalACommand() {
        #expect(
            Failure(of: CheckpointError.notFound("\u{1B}]0;x\u{7}")).message == #"there is no model at \u{1B}]0;x\u{7}"#
        )
    }

    @Test func cutsASentenceThatQuotesAFileAtLength() {
        let error = CheckpointError.notFound(String(repeating: "é", count: 1_000_000))
        #expect(Failure(of: error).message.utf8.count < 2100)
    }
}
