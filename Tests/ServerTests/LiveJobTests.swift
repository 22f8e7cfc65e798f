import Diffusion
import Server
import Testing

@Suite struct LiveJobTests {
    private func pixels(_ level: UInt8) -> PixelBatch {
        PixelBatch(count: 1, height: 1, width: 1, bytes: [level, level, level])
    }

    @Test func whoListensLateMissesNoPreview() async {
        let job = LiveJob(id: "a")
        _ = job.note(.preview(pixels(1)))
        _ = job.note(.denoising(step: 1, of: 2))
        let shown = job.shown()
        _ = job.note(.preview(pixels(2)))
        job.run {}
        await job.wait()
        var found: [UInt8] = []
        for await pixels in shown { found.append(pixels.bytes[0]) }
        #expect(found == [1, 2])
        #expect(job.previews == 2)
        #expect(job.preview?.bytes[0] == 2)
    }

    @Test func aJobThatIsOverStillShowsItsPreviews() async {
        let job = LiveJob(id: "a")
        _ = job.note(.preview(pixels(7)))
        job.run {}
        await job.wait()
        var found: [UInt8] = []
        for await pixels in job.shown() { found.append(pixels.bytes[0]) }
        #expect(found == [7])
    }
}
