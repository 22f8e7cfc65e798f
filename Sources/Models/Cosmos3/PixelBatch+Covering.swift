package import Diffusion
internal import Foundation

extension PixelBatch {
    /// The middle part of an image, enlarged or made smaller until it covers a size: bilinear, and smooth where it shrinks.
    ///
    /// Numbers are those of LibTorch's interpolation in 32-bit floats, along rows first, and are rounded once, at the end: half a
    /// level decides between two bytes.
    ///
    /// - Parameters:
    ///   - newHeight: in pixels, at least 1
    ///   - newWidth: in pixels, at least 1
    /// - Returns: an image of that size
    // Source: diffusers 0.42.1, pipelines/cosmos/pipeline_cosmos3_omni.py, `_preprocess_conditioning_image`, and PyTorch,
    // aten/src/ATen/native/cpu/UpSampleKernel.cpp, `_compute_indices_min_size_weights_aa`.
    package func covering(height newHeight: Int, width newWidth: Int) -> PixelBatch {
        let scale = max(Double(newWidth) / Double(width), Double(newHeight) / Double(height))
        let columns = PixelSums(from: width, to: Int(ceil(scale * Double(width))), keeping: newWidth)
        let rows = PixelSums(from: height, to: Int(ceil(scale * Double(height))), keeping: newHeight)
        var result: [UInt8] = []
        result.reserveCapacity(newHeight * newWidth * 3)
        // Rows that are read, in the new width.
        var known: [Int: [Float]] = [:]
        for sum in rows.all {
            known = known.filter { $0.key >= sum.start }
            var numbers = [Float](repeating: 0, count: newWidth * 3)
            for (offset, weight) in sum.weights.enumerated() {
                let row = sum.start + offset
                let source = known[row] ?? self.row(row, columns)
                known[row] = source
                for place in numbers.indices { numbers[place] = numbers[place].addingProduct(source[place], weight) }
            }
            result += numbers.map { UInt8(min(max($0.rounded(.toNearestOrEven), 0), 255)) }
        }
        return PixelBatch(count: 1, height: newHeight, width: newWidth, bytes: result)
    }

    /// A row of the image in another width.
    private func row(_ row: Int, _ columns: PixelSums) -> [Float] {
        columns.all.flatMap { sum in
            (0..<3).map { colour in
                sum.weights.enumerated().reduce(Float(0)) { total, weight in
                    let pixel = row * width + sum.start + weight.offset
                    return total.addingProduct(Float(bytes[3 * pixel + colour]), weight.element)
                }
            }
        }
    }
}

/// What each pixel of a new row or column is made of.
private struct PixelSums {
    struct One {
        /// The first old pixel.
        let start: Int
        /// From there on; they sum to one.
        let weights: [Float]
    }

    /// Of the pixels that are kept.
    let all: [One]

    /// - Parameters:
    ///   - size: of the old row or column
    ///   - newSize: of the new one
    ///   - kept: how many of its pixels are kept, in the middle; half a pixel becomes the even number
    init(from size: Int, to newSize: Int, keeping kept: Int) {
        let scale = Float(size) / Float(newSize)
        let reach = max(scale, 1)
        let first = Int((Double(newSize - kept) / 2).rounded(.toNearestOrEven))
        all = (first..<first + kept).map { index in
            let centre = scale * (Float(index) + 0.5)
            let (start, end) = (max(Int(centre - reach + 0.5), 0), min(Int(centre + reach + 0.5), size))
            let weights = (start..<end).map { max(1 - abs((Float($0) - centre + 0.5) * (1 / reach)), 0) }
            let total = weights.reduce(0, +)
            return One(start: start, weights: total == 0 ? weights : weights.map { $0 / total })
        }
    }
}
