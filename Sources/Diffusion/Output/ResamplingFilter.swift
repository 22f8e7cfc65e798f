internal import Foundation

/// How an image's size is changed: what each new pixel takes from the old ones around its place.
package enum ResamplingFilter: Sendable {
    case lanczos, bilinear, bicubic

    /// The filter that Pillow's number stands for, which configs use; nil for those that this build lacks.
    package init?(pillow number: Int) {
        switch number {
        case 1: self = .lanczos
        case 2: self = .bilinear
        case 3: self = .bicubic
        default: return nil
        }
    }

    /// How far the filter reaches, in pixels of the coarser image.
    private var reach: Double {
        switch self {
        case .lanczos: 3
        case .bilinear: 1
        case .bicubic: 2
        }
    }

    private func weight(_ distance: Double) -> Double {
        let x = abs(distance)
        switch self {
        case .lanczos: return x < 3 ? sinc(x) * sinc(x / 3) : 0
        case .bilinear: return max(1 - x, 0)
        case .bicubic:
            if x < 1 { return (1.5 * x - 2.5) * x * x + 1 }
            return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0
        }
    }

    private func sinc(_ x: Double) -> Double {
        x == 0 ? 1 : sin(x * Double.pi) / (x * Double.pi)
    }
}

extension ResamplingFilter {
    /// What one pixel of a new row or column takes.
    struct Taps {
        /// The first old pixel.
        let start: Int
        /// The weights from there on, in units of 2⁻²²; they sum to about one.
        let weights: [Int32]
    }

    /// The fraction's bits in a weight: what 8 bits of colour, and 2 for overshoot, leave of 32.
    static let precision = 22

    /// What every pixel of a new row or column takes; when the image shrinks the filter widens, so that every old pixel
    /// counts.
    ///
    /// - Parameters:
    ///   - size: of the old row or column
    ///   - newSize: of the new one
    ///   - part: which of the new pixels are wanted
    /// - Returns: one for each of them
    // Source: Pillow 13.0.0, src/libImaging/Resample.c, `precompute_coeffs` and `normalize_coeffs_8bpc`.
    func taps(from size: Int, to newSize: Int, part: Range<Int>) -> [Taps] {
        let step = Double(size) / Double(newSize)
        let scale = max(step, 1)
        let support = reach * scale
        return part.map { index in
            let centre = (Double(index) + 0.5) * step
            let start = max(Int(centre - support + 0.5), 0)
            let end = min(Int(centre + support + 0.5), size)
            let weights = (start..<end).map { weight((Double($0) - centre + 0.5) * (1 / scale)) }
            let sum = weights.reduce(0, +)
            let one = Double(1 << Self.precision)
            return Taps(
                start: start,
                weights: weights.map { weight in
                    let share = sum == 0 ? weight : weight / sum
                    return Int32(share * one + (share < 0 ? -0.5 : 0.5))
                })
        }
    }
}
