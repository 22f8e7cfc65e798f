import Diffusion
import Engine
import Media
import Messaging
import Testing

/// Whose fault an error is decides the program's exit status and what becomes of a job.
@Suite struct FailureTests {
    @Test(arguments: [
        (RequestError.missing("prompt") as any Error, Failure.Kind.request),
        (InputError("a.png", .notAnImage), .input), (MediaError.cannotRead(path: "a", reason: "b"), .input),
        (MediaError.cannotDecodeVideo(path: "a", reason: "b"), .input),
        (MediaError.missingVideoEncoder(.mp4), .unavailable), (MediaError.missingCodec("png"), .unavailable),
        (MediaError.gifRate(60), .request), (MediaError.noCRF(.gif), .request),
        (MediaError.unknownVideoExtension(path: "a", known: []), .request),
        (MediaError.cannotWrite(path: "a", reason: "b"), .output),
        (MediaError.cannotEncodeVideo(.mp4, reason: "b"), .output), (MediaError.outOfMemory, .memory),
        (MediaError.noFrames, .bug), (MessagingError.tooLong(bytes: 2, limit: 1), .request),
        (MessagingError.system("a", reason: "b"), .unavailable), (CancellationError(), .cancelled),
    ])
    func tellsWhoseFaultAnErrorIs(_ error: any Error, _ kind: Failure.Kind) {
        #expect(Failure(of: error).kind == kind)
        #expect(Failure(of: error).message == "\(error)")
    }
}
