internal import Dispatch

extension PixelBatch {
    /// The images in another size, every byte as Pillow's `Image.resize` makes it.
    ///
    /// - Parameters:
    ///   - width: in pixels, at least 1
    ///   - height: in pixels, at least 1
    ///   - filter: how pixels are weighed
    /// - Returns: the images; themselves where the size is theirs
    package func resized(width: Int, height: Int, filter: ResamplingFilter) -> PixelBatch {
        resized(width: width, height: height, filter: filter, columns: 0..<width, rows: 0..<height)
    }

    /// The middle part of the images in another size; beyond their edges there is black.
    ///
    /// Every byte is the one that ``resized(width:height:filter:)`` and ``centreCropped(height:width:)`` make in turn,
    /// but no more is computed than is kept.
    ///
    /// - Parameters:
    ///   - width: of the whole, in pixels, at least 1
    ///   - height: of the whole, in pixels, at least 1
    ///   - filter: how pixels are weighed
    ///   - cropHeight: in pixels
    ///   - cropWidth: in pixels
    /// - Returns: images of the crop's size
    package func resized(
        width: Int, height: Int, filter: ResamplingFilter, croppedTo cropHeight: Int, _ cropWidth: Int
    ) -> PixelBatch {
        let (top, left) = (max(Self.margin(height, cropHeight), 0), max(Self.margin(width, cropWidth), 0))
        let part = resized(
            width: width, height: height, filter: filter, columns: left..<min(left + cropWidth, width),
            rows: top..<min(top + cropHeight, height))
        return part.centreCropped(height: cropHeight, width: cropWidth)
    }

    // Source: Pillow 13.0.0, src/libImaging/Resample.c, `ImagingResampleInner`: rows, rounded to bytes, then columns.
    // Since version 13 columns come first where the height shrinks by more than twice the pixels that the width does.
    private func resized(
        width: Int, height: Int, filter: ResamplingFilter, columns: Range<Int>, rows: Range<Int>
    ) -> PixelBatch {
        precondition(width > 0 && height > 0, "an image without pixels")
        let lostRows = self.height - height
        if lostRows > 0, lostRows > 2 * (self.width - width) {
            return withColumnsResized(to: height, rows, filter).withRowsResized(to: width, columns, filter)
        }
        return withRowsResized(to: width, columns, filter).withColumnsResized(to: height, rows, filter)
    }

    /// The middle part of each image; beyond its edges there is black.
    ///
    /// - Parameters:
    ///   - cropHeight: in pixels
    ///   - cropWidth: in pixels
    /// - Returns: images of that size
    // Source: transformers 5.23.0, image_transforms.py, `center_crop`.
    package func centreCropped(height cropHeight: Int, width cropWidth: Int) -> PixelBatch {
        let (top, left) = (Self.margin(height, cropHeight), Self.margin(width, cropWidth))
        var cropped = [UInt8](repeating: 0, count: count * cropHeight * cropWidth * 3)
        let columns = max(left, 0)..<min(left + cropWidth, width)
        for image in 0..<count {
            for y in max(top, 0)..<min(top + cropHeight, height) {
                let source = 3 * ((image * height + y) * width + columns.lowerBound)
                let target = 3 * ((image * cropHeight + y - top) * cropWidth + columns.lowerBound - left)
                cropped.replaceSubrange(
                    target..<target + 3 * columns.count, with: bytes[source..<source + 3 * columns.count])
            }
        }
        return PixelBatch(count: count, height: cropHeight, width: cropWidth, bytes: cropped)
    }

    /// Where the crop begins in the image; negative where the image is smaller.
    private static func margin(_ size: Int, _ crop: Int) -> Int {
        crop <= size ? (size - crop) / 2 : -((crop - size + 1) / 2)
    }

    /// - Parameters:
    ///   - wholeWidth: of the new image
    ///   - columns: which of its columns are made
    ///   - filter: how pixels are weighed
    /// - Returns: those columns
    private func withRowsResized(
        to wholeWidth: Int, _ columns: Range<Int>, _ filter: ResamplingFilter
    ) -> PixelBatch {
        if wholeWidth == width, columns.count == width { return self }
        let newWidth = columns.count
        let taps = wholeWidth == width ? .same(columns) : filter.taps(from: width, to: wholeWidth, part: columns)
        let resized = bytes.withUnsafeBufferPointer { source in
            nonisolated(unsafe) let source = source
            return Self.rows(count * height, of: newWidth * 3) { row, result in
                for (x, taps) in taps.enumerated() {
                    let first = 3 * (row * width + taps.start)
                    for colour in 0..<3 { result[3 * x + colour] = taps.sum(source, from: first + colour, step: 3) }
                }
            }
        }
        return PixelBatch(count: count, height: height, width: newWidth, bytes: resized)
    }

    /// - Parameters:
    ///   - wholeHeight: of the new image
    ///   - rows: which of its rows are made
    ///   - filter: how pixels are weighed
    /// - Returns: those rows
    private func withColumnsResized(
        to wholeHeight: Int, _ rows: Range<Int>, _ filter: ResamplingFilter
    ) -> PixelBatch {
        if wholeHeight == height, rows.count == height { return self }
        let newHeight = rows.count
        let taps = wholeHeight == height ? .same(rows) : filter.taps(from: height, to: wholeHeight, part: rows)
        let length = 3 * width
        let resized = bytes.withUnsafeBufferPointer { source in
            nonisolated(unsafe) let source = source
            return Self.rows(count * newHeight, of: length) { row, result in
                let taps = taps[row % newHeight]
                let first = (row / newHeight * height + taps.start) * length
                for place in 0..<length { result[place] = taps.sum(source, from: first + place, step: length) }
            }
        }
        return PixelBatch(count: count, height: newHeight, width: width, bytes: resized)
    }

    /// Rows of bytes, filled by all cores.
    private static func rows(
        _ count: Int, of length: Int, fill: @Sendable (Int, UnsafeMutableBufferPointer<UInt8>) -> Void
    ) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count * length) { buffer, filled in
            buffer.initialize(repeating: 0)
            nonisolated(unsafe) let buffer = buffer
            DispatchQueue.concurrentPerform(iterations: count) { row in
                fill(row, UnsafeMutableBufferPointer(rebasing: buffer[row * length..<(row + 1) * length]))
            }
            filled = count * length
        }
    }
}

extension [ResamplingFilter.Taps] {
    /// What leaves pixels as they are.
    fileprivate static func same(_ places: Range<Int>) -> Self {
        places.map { ResamplingFilter.Taps(start: $0, weights: [1 << Int32(ResamplingFilter.precision)]) }
    }
}

extension ResamplingFilter.Taps {
    /// The weighed sum of bytes that lie `step` apart, rounded.
    @inline(__always)
    fileprivate func sum(_ source: UnsafeBufferPointer<UInt8>, from first: Int, step: Int) -> UInt8 {
        var sum = Int32(1) << Int32(ResamplingFilter.precision - 1)
        var place = first
        for weight in weights {
            sum &+= weight &* Int32(source[place])
            place += step
        }
        return UInt8(clamping: sum >> Int32(ResamplingFilter.precision))
    }
}
