import Foundation
import Media
import Testing

/// Whether what is seen and what is heard come at one time, to the end of the file.
@Suite struct ClickTrackTests {
    private static let (seconds, rate, samplingRate) = (10, 25.0, 48_000)

    /// The frames that flash, one in each second and never at the same place in it.
    private static let flashes = (0..<seconds).map { second in second * Int(rate) + 7 + second }

    /// A click is a bell of a millisecond, loudest when its frame is shown first.
    private static func clicks() -> [Float] {
        var samples = [Float](repeating: 0, count: seconds * samplingRate)
        for flash in flashes {
            let middle = Int((Double(flash) / rate * Double(samplingRate)).rounded())
            for distance in -24...24 {
                samples[middle + distance] = Float(0.45 * (1 + cos(Double.pi * Double(distance) / 24)))
            }
        }
        return samples
    }

    /// Players know of the samples that an encoder puts before the first, and neither stream drifts. In a WebM, whose times
    /// are whole milliseconds, frames come 7 ms later for Opus's 312 samples, which the sound does not.
    @Test(arguments: [("a.mp4", 0.001), ("a.webm", 0.008)])
    func clicksComeWithTheirFlashes(_ name: String, _ limit: Double) throws {
        let folder = try MediaFolder()
        let path = "\(folder.path)/\(name)"
        let sound = VideoSound(channels: [Self.clicks(), Self.clicks()], rate: Self.samplingRate)
        let writer = try VideoWriter(to: path, width: 32, height: 32, rate: FrameRate(Self.rate), sound: sound)
        func plain(_ level: UInt8) throws -> Image {
            try Image(width: 32, height: 32, pixels: Array(repeating: level, count: 3 * 32 * 32))
        }
        let (dark, bright) = try (plain(0), plain(255))
        for number in 0..<Self.seconds * Int(Self.rate) {
            try writer.append(Self.flashes.contains(number) ? bright : dark)
        }
        try writer.finish()
        let played = try PlayedVideo(path)
        #expect(played.frames.count == Self.seconds * Int(Self.rate))
        let seen = played.frames.filter { $0.brightness > 128 }.map(\.time)
        #expect(seen.count == Self.flashes.count)
        for (time, flash) in zip(seen, Self.flashes) {
            #expect(abs(time - Double(flash) / Self.rate) < limit, "\(name): flash \(flash) at \(time)")
            let near = played.samples.filter { abs($0.time - time) < 0.3 }
            let heard = try #require(near.max { $0.value < $1.value })
            #expect(heard.value > 0.3, "\(name): \(heard)")
            #expect(abs(heard.time - time) < limit, "\(name): a click at \(heard.time), its flash at \(time)")
        }
        // Nothing is heard that was not written.
        let times = seen
        let rest = played.samples.filter { sample in times.allSatisfy { abs($0 - sample.time) > 0.02 } }
        #expect(rest.allSatisfy { abs($0.value) < 0.05 })
    }
}
