internal import CFFmpeg

/// How many frames a second a video shows, as an exact fraction.
package struct FrameRate: Equatable, Sendable {
    /// Frames in ``denominator`` seconds.
    package let numerator: Int
    /// In seconds.
    package let denominator: Int

    /// The rates that a video can have.
    static let range = 0.1...1000.0
    /// The rates of which television shows a thousandth less, under names such as 23.976 and 29.97.
    private static let slowed = [24, 30, 48, 60, 120]

    /// The fraction that a decimal number stands for: 25 is 25/1, 12.5 is 25/2, 23.976 and 23.98 are 24000/1001.
    ///
    /// - Parameter framesPerSecond: 0.1 to 1000
    /// - Throws: `.frameRate`
    package init(_ framesPerSecond: Double) throws(MediaError) {
        guard Self.range.contains(framesPerSecond) else { throw .frameRate(framesPerSecond) }
        for rate in Self.slowed where abs(framesPerSecond - Double(rate) * 1000 / 1001) < 0.0051 {
            (numerator, denominator) = (rate * 1000, 1001)
            return
        }
        let fraction = av_d2q(framesPerSecond, 1_000_000)
        (numerator, denominator) = (Int(fraction.num), Int(fraction.den))
    }

    /// Frames a second.
    package var value: Double { Double(numerator) / Double(denominator) }

    /// For FFmpeg.
    var rational: AVRational { AVRational(num: Int32(clamping: numerator), den: Int32(clamping: denominator)) }
    /// The time of one frame in seconds, for FFmpeg.
    var period: AVRational { AVRational(num: Int32(clamping: denominator), den: Int32(clamping: numerator)) }
}

extension FrameRate {
    /// - Parameter rational: positive
    init?(_ rational: AVRational) {
        guard rational.num > 0, rational.den > 0 else { return nil }
        (numerator, denominator) = (Int(rational.num), Int(rational.den))
    }
}
