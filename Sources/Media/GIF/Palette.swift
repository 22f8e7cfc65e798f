/// The colours that stand for all colours of an image.
struct Palette {
    /// Up to the number asked for.
    let colours: [SIMD3<Float>]
    /// How far a pixel's colour is from its stand-in, the root of the mean square over pixels and channels.
    let error: Float

    /// Cuts the cloud of an image's colours in two, then always the part that spreads most, through its mean across the
    /// channel in which it spreads most; each part's mean is a colour.
    ///
    /// - Parameters:
    ///   - image: the image
    ///   - limit: the most colours, at least 1
    init(of image: Image, limit: Int) {
        var parts = [Part(ColourHistogram(image).bins[...])]
        while parts.count < limit {
            guard let widest = parts.indices.max(by: { parts[$0].spread < parts[$1].spread }),
                let (low, high) = parts[widest].cut()
            else { break }
            parts[widest] = low
            parts.append(high)
        }
        colours = parts.map(\.mean)
        let squares = parts.reduce(Float(0)) { $0 + $1.variance.sum() }
        error = (squares / Float(image.pixels.count)).squareRoot()
    }

    /// The number of the colour that is nearest.
    func nearest(_ colour: SIMD3<Float>) -> Int {
        var (best, least) = (0, Float.infinity)
        for (index, candidate) in colours.enumerated() {
            let difference = candidate - colour
            let distance = (difference * difference).sum()
            if distance < least { (best, least) = (index, distance) }
        }
        return best
    }
}

/// A part of the cloud of colours.
private struct Part {
    private let bins: ArraySlice<ColourHistogram.Bin>
    let mean: SIMD3<Float>
    /// Squared differences from the mean summed over pixels, by channel.
    let variance: SIMD3<Float>
    /// What cutting it may win.
    let spread: Float

    init(_ bins: ArraySlice<ColourHistogram.Bin>) {
        self.bins = bins
        var (count, sum) = (Float(0), SIMD3<Float>.zero)
        for bin in bins {
            count += bin.count
            sum += bin.mean * bin.count
        }
        let mean = sum / max(count, 1)
        var variance = SIMD3<Float>.zero
        for bin in bins { variance += (bin.mean - mean) * (bin.mean - mean) * bin.count }
        (self.mean, self.variance) = (mean, variance)
        spread = bins.count > 1 ? variance.max() : 0
    }

    func cut() -> (Part, Part)? {
        guard spread > 0 else { return nil }
        let channel = (0..<3).first { variance[$0] == spread } ?? 0
        var sorted = Array(bins)
        let middle = sorted.partition { $0.mean[channel] > mean[channel] }
        guard middle > 0, middle < sorted.count else { return nil }
        return (Part(sorted[..<middle]), Part(sorted[middle...]))
    }
}
