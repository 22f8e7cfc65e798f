/// How often each colour occurs in an image, 64 steps for each of red, green and blue.
struct ColourHistogram {
    /// Colours that are nearly the same: how many pixels have them, and their mean.
    struct Bin {
        let count: Float
        let mean: SIMD3<Float>
    }

    /// The bins that have a pixel.
    let bins: [Bin]

    init(_ image: Image) {
        var counts = [UInt32](repeating: 0, count: Self.binCount)
        var sums = [SIMD3<UInt32>](repeating: .zero, count: Self.binCount)
        image.pixels.withUnsafeBufferPointer { pixels in
            for start in stride(from: 0, to: pixels.count, by: 3) {
                let colour = SIMD3(UInt32(pixels[start]), UInt32(pixels[start + 1]), UInt32(pixels[start + 2]))
                let index = Self.index(Int(colour.x), Int(colour.y), Int(colour.z))
                counts[index] += 1
                sums[index] &+= colour
            }
        }
        var bins: [Bin] = []
        for index in 0..<Self.binCount where counts[index] > 0 {
            bins.append(Bin(count: Float(counts[index]), mean: SIMD3<Float>(sums[index]) / Float(counts[index])))
        }
        self.bins = bins
    }

    static let binCount = 1 << 18

    /// The bin of a colour.
    @inline(__always)
    static func index(_ red: Int, _ green: Int, _ blue: Int) -> Int { (red >> 2) << 12 | (green >> 2) << 6 | blue >> 2 }
}
