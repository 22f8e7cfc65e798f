import Foundation
import Media
import Testing

/// Sound beside the frames of a video.
@Suite struct VideoSoundTests {
    private static func sound(_ channels: Int, rate: Int, seconds: Double) -> VideoSound {
        VideoSound(
            channels: (0..<channels).map { channel in
                (0..<Int(seconds * Double(rate))).map { sample in
                    Float(0.5 * sin(2 * Double.pi * Double(220 * (channel + 1)) * Double(sample) / Double(rate)))
                }
            }, rate: rate)
    }

    private static func write(_ path: String, _ sound: VideoSound?) throws -> Data {
        try TestVideo.write(to: path, frames: 24, width: 64, height: 48, sound: sound)
        return try Data(contentsOf: URL(filePath: path))
    }

    /// AVI has every sample as it was, rounded to 16 bits.
    @Test(arguments: [(1, 24_000), (2, 48_000)]) func anAVIHasTheSamples(_ channels: Int, _ rate: Int) throws {
        let folder = try MediaFolder()
        let sound = Self.sound(channels, rate: rate, seconds: 1)
        let file = try Self.write("\(folder.path)/a.avi", sound)
        var expected = Data()
        for sample in 0..<rate {
            for channel in sound.channels {
                let value = Int16((channel[sample] * 32767).rounded())
                withUnsafeBytes(of: value.littleEndian) { expected.append(contentsOf: $0) }
            }
        }
        #expect(Self.chunks("01wb", of: file) == expected)
    }

    /// A header that tells of what follows, and the samples of both channels in turn; what is too loud is cut.
    @Test func aWAVFileHasTheSamples() throws {
        let folder = try MediaFolder()
        let path = "\(folder.path)/a.wav"
        try VideoSound(channels: [[0, 1, -2], [0.5, -0.5, .nan]], rate: 24_000).writeWAV(to: path)
        let file = [UInt8](try Data(contentsOf: URL(filePath: path)))
        func number(_ place: Int, _ bytes: Int) -> Int {
            file[place..<place + bytes].reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        #expect(String(decoding: file[0..<4] + file[8..<16] + file[36..<40], as: UTF8.self) == "RIFFWAVEfmt data")
        #expect(file.count == 56 && number(4, 4) == 48 && number(40, 4) == 12)
        #expect(number(22, 2) == 2 && number(24, 4) == 24_000 && number(28, 4) == 96_000 && number(34, 2) == 16)
        let samples = stride(from: 44, to: 56, by: 2).map { Int16(truncatingIfNeeded: number($0, 2)) }
        #expect(samples == [0, 16384, 32767, -16384, -32767, 0])
    }

    /// As long as the frames, and at the same time as they.
    @Test(arguments: [("a.mp4", "mp4a"), ("a.webm", "A_OPUS"), ("a.avi", "auds")])
    func theFileSaysThatItHasSound(_ name: String, _ mark: String) throws {
        let folder = try MediaFolder()
        let sound = Self.sound(2, rate: 48_000, seconds: 1)
        let path = "\(folder.path)/\(name)"
        let file = try Self.write(path, sound)
        #expect(file.range(of: Data(mark.utf8)) != nil)
        #expect(try TestVideo.read(path).count == 24)
        #expect(try Self.write(path, sound) == file, "the same sound makes the same file")
        #expect(try Self.write(path, nil).range(of: Data(mark.utf8)) == nil)
        // Longer or shorter than the frames.
        for seconds in [0.1, 2] {
            #expect(
                try Self.write(path, Self.sound(1, rate: 24_000, seconds: seconds)).range(of: Data(mark.utf8)) != nil)
        }
    }

    @Test(arguments: ["a.gif", "a.webp"]) func formatsWithoutSoundLeaveItOut(_ name: String) throws {
        let folder = try MediaFolder()
        let path = "\(folder.path)/\(name)"
        #expect(try Self.write(path, Self.sound(2, rate: 48_000, seconds: 1)) == Self.write(path, nil))
    }

    @Test func aRateThatTheFormatLacksIsAnError() throws {
        let folder = try MediaFolder()
        #expect(throws: MediaError.self) {
            try Self.write("\(folder.path)/a.webm", Self.sound(1, rate: 22_051, seconds: 1))
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }

    /// The contents of all chunks of a name, as RIFF has them.
    private static func chunks(_ name: String, of file: Data) -> Data {
        var found = Data()
        var place = file.range(of: Data("movi".utf8))?.upperBound ?? file.endIndex
        while place + 8 <= file.endIndex {
            let size = file[place + 4..<place + 8].reversed().reduce(0) { $0 << 8 | Int($1) }
            let kind = String(decoding: file[place..<place + 4], as: UTF8.self)
            if kind == "idx1" { break }
            if kind == name { found.append(file[place + 8..<place + 8 + size]) }
            place += 8 + size + size % 2
        }
        return found
    }
}
