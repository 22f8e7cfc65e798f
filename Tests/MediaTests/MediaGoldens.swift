import Foundation
import Media

/// The test files that Tools/reference/media_goldens.py wrote, and what PIL reads from them.
enum MediaGoldens {
    static var names: [String] {
        let folder = Bundle.module.url(forResource: "Resources", withExtension: nil)
        let all = folder.flatMap { try? FileManager.default.contentsOfDirectory(atPath: $0.path) } ?? []
        return all.filter { $0.contains(".") && !$0.hasSuffix(".rgb") }.sorted()
    }

    static func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: Bundle.module.bundleURL.appending(path: "Resources/\(name)")))
    }

    static func image(_ name: String) throws -> Image {
        let golden = try bytes("\(name).rgb")
        func number(_ offset: Int) -> Int { (0..<4).reduce(0) { $0 | Int(golden[offset + $1]) << (8 * $1) } }
        return try Image(width: number(0), height: number(4), pixels: Array(golden.dropFirst(8)))
    }

    /// Smooth waves and a block with hard edges.
    static func image(width: Int, height: Int) throws -> Image {
        let pixels = (0..<height).flatMap { y in
            (0..<width).flatMap { x in
                (0..<3).map { channel -> UInt8 in
                    if 4..<9 ~= y, 6..<15 ~= x { return UInt8(channel * 100) }
                    let wave = sin(Double(x) / Double(9 + 2 * channel) + Double(y) / Double(7 + channel))
                    return UInt8(127 + 110 * wave)
                }
            }
        }
        return try Image(width: width, height: height, pixels: pixels)
    }
}

extension Image {
    /// How far the pixels are from another image's of the same size: at most, and on average.
    func difference(from other: Image) -> (largest: Int, mean: Double) {
        guard (width, height) == (other.width, other.height) else { return (.max, .infinity) }
        let differences = zip(pixels, other.pixels).map { abs(Int($0) - Int($1)) }
        return (differences.max() ?? 0, Double(differences.reduce(0, +)) / Double(differences.count))
    }
}
