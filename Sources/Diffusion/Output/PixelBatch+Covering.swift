internal import Foundation

extension PixelBatch {
    /// The middle part of the images, enlarged or made smaller until they cover a size.
    ///
    /// Numbers are rounded once, behind both directions.
    ///
    /// - Parameters:
    ///   - newHeight: in pixels, at least 1
    ///   - newWidth: in pixels, at least 1
    ///   - filter: how pixels are weighed
    /// - Returns: images of that size
    // Source: diffusers 0.42.1, pipelines/cosmos/pipeline_cosmos3_omni.py, `_preprocess_conditioning_image`.
    package func covering(height newHeight: Int, width newWidth: Int, filter: ResamplingFilter) -> PixelBatch {
        let scale = max(Double(newWidth) / Double(width), Double(newHeight) / Double(height))
        let (wholeHeight, wholeWidth) = (Int(ceil(scale * Double(height))), Int(ceil(scale * Double(width))))
        /// The part that is kept; half a pixel becomes the even number.
        func kept(_ whole: Int, _ size: Int) -> Range<Int> {
            let first = Int((Double(whole - size) / 2).rounded(.toNearestOrEven))
            return first..<first + size
        }
        let columns = filter.shares(from: width, to: wholeWidth, part: kept(wholeWidth, newWidth))
        let rows = filter.shares(from: height, to: wholeHeight, part: kept(wholeHeight, newHeight))
        var result: [UInt8] = []
        result.reserveCapacity(count * newHeight * newWidth * 3)
        for image in 0..<count {
            // Each row that is read, in the new width.
            var wide: [Int: [Double]] = [:]
            for (start, weights) in rows {
                wide = wide.filter { $0.key >= start }
                var sums = [Double](repeating: 0, count: newWidth * 3)
                for (offset, weight) in weights.enumerated() where weight != 0 {
                    let row = start + offset
                    let numbers = wide[row] ?? self.row(image, row, columns)
                    wide[row] = numbers
                    for place in sums.indices { sums[place] += weight * numbers[place] }
                }
                result += sums.map { UInt8(min(max($0.rounded(.toNearestOrEven), 0), 255)) }
            }
        }
        return PixelBatch(count: count, height: newHeight, width: newWidth, bytes: result)
    }

    /// A row of an image in another width.
    private func row(_ image: Int, _ row: Int, _ columns: [(start: Int, weights: [Double])]) -> [Double] {
        let first = (image * height + row) * width
        return columns.flatMap { start, weights in
            (0..<3).map { colour in
                weights.enumerated().reduce(0) { $0 + $1.element * Double(bytes[3 * (first + start + $1.offset) + colour]) }
            }
        }
    }
}
