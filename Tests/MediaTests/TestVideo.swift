import Foundation
import Media

/// Videos that are cheap to make and easy to compare.
enum TestVideo {
    /// Smooth waves that drift, and a grey block that moves right.
    static func frame(_ number: Int, width: Int, height: Int) throws -> Image {
        var pixels = [UInt8](repeating: 0, count: 3 * width * height)
        for y in 0..<height {
            for x in 0..<width {
                let isBlock = 8..<24 ~= y && (number + 4)..<(number + 20) ~= x
                for channel in 0..<3 {
                    let phase = Double(x) / Double(19 + 6 * channel) + Double(y + number) / Double(17 + 4 * channel)
                    pixels[3 * (y * width + x) + channel] = isBlock ? 200 : UInt8(127 + 100 * sin(phase))
                }
            }
        }
        return try Image(width: width, height: height, pixels: pixels)
    }

    /// Writes drifting frames.
    static func write(
        to path: String, frames: Int, width: Int, height: Int, rate: Double = 24, as encoding: VideoEncoding? = nil,
        sound: VideoSound? = nil, texts: [PNGText] = []
    ) throws {
        let writer = try VideoWriter(
            to: path, width: width, height: height, rate: FrameRate(rate), as: encoding, sound: sound,
            texts: texts)
        for number in 0..<frames { try writer.append(frame(number, width: width, height: height)) }
        try writer.finish()
    }

    /// Every frame of a video.
    static func read(_ path: String) throws -> [Image] {
        if path.hasSuffix(".webp") {
            let frames = try AnimatedWebP(path).frames.map(\.image)
            return frames.isEmpty ? [try Image(path: path)] : frames  // A single frame becomes a still image.
        }
        let reader = try VideoReader(path: path)
        var frames: [Image] = []
        while let frame = try reader.next() { frames.append(frame) }
        return frames
    }

    /// The kinds and sizes of an MP4's outermost boxes.
    static func boxes(_ path: String) throws -> [String] {
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
        var (kinds, offset): ([String], Int) = ([], 0)
        while offset + 8 <= bytes.count {
            kinds.append(String(decoding: bytes[offset + 4..<offset + 8], as: UTF8.self))
            offset += max(bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }, 8)
        }
        return kinds
    }
}

extension Image {
    /// The likeness to another image of the same size in decibels; infinite where they are equal.
    func psnr(to other: Image) -> Double {
        guard (width, height) == (other.width, other.height) else { return -.infinity }
        let squares = zip(pixels, other.pixels).reduce(0) { $0 + (Int($1.0) - Int($1.1)) * (Int($1.0) - Int($1.1)) }
        return 10 * log10(255 * 255 * Double(pixels.count) / Double(squares))
    }

    /// The upper left part.
    func cropped(_ width: Int, _ height: Int) throws -> Image {
        let rows = (0..<height).flatMap { y in pixels[3 * y * self.width..<3 * (y * self.width + width)] }
        return try Image(width: width, height: height, pixels: Array(rows))
    }
}

/// The frames of an animated WebP, each of which covers the whole image.
struct AnimatedWebP {
    let frames: [(image: Image, milliseconds: Int)]
    let loops: Int

    init(_ path: String) throws {
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
        func number(_ offset: Int, _ size: Int) -> Int {
            (0..<size).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
        }
        var frames: [(Image, Int)] = []
        var (loops, offset) = (-1, 12)
        while offset + 8 <= bytes.count {
            let (data, size) = (offset + 8, number(offset + 4, 4))
            switch String(decoding: bytes[offset..<offset + 4], as: UTF8.self) {
            case "ANIM": loops = number(data + 4, 2)
            case "ANMF":
                let still = ImageBytes.riff(Array(bytes[data + 16..<data + size]))
                frames.append((try Image(decoding: still), number(data + 12, 3)))
            default: break
            }
            offset = data + size + size % 2
        }
        (self.frames, self.loops) = (frames, loops)
    }
}
