extension PixelBatch {
    /// The pictures in another size, every byte as Pillow's `Image.resize` makes it.
    ///
    /// - Parameters:
    ///   - width: in pixels, at least 1
    ///   - height: in pixels, at least 1
    ///   - filter: how pixels are weighed
    /// - Returns: the pictures; themselves where the size is theirs
    // Source: Pillow 13.0.0, src/libImaging/Resample.c, `ImagingResampleInner`: rows, rounded to bytes, then columns.
    // Since version 13 columns come first where the height shrinks by more than twice the pixels that the width does.
    package func resized(width: Int, height: Int, filter: ResamplingFilter) -> PixelBatch {
        precondition(width > 0 && height > 0, "a picture without pixels")
        let lostRows = self.height - height
        if lostRows > 0, lostRows > 2 * (self.width - width) {
            return withColumnsResized(to: height, filter).withRowsResized(to: width, filter)
        }
        return withRowsResized(to: width, filter).withColumnsResized(to: height, filter)
    }

    /// The middle part of each picture; beyond its edges there is black.
    ///
    /// - Parameters:
    ///   - cropHeight: in pixels
    ///   - cropWidth: in pixels
    /// - Returns: pictures of that size
    // Source: transformers 5.23.0, image_transforms.py, `center_crop`.
    package func centreCropped(height cropHeight: Int, width cropWidth: Int) -> PixelBatch {
        let (top, left) = (Self.margin(height, cropHeight), Self.margin(width, cropWidth))
        var cropped = [UInt8](repeating: 0, count: count * cropHeight * cropWidth * 3)
        let columns = max(left, 0)..<min(left + cropWidth, width)
        for picture in 0..<count {
            for y in max(top, 0)..<min(top + cropHeight, height) {
                let source = 3 * ((picture * height + y) * width + columns.lowerBound)
                let target = 3 * ((picture * cropHeight + y - top) * cropWidth + columns.lowerBound - left)
                cropped.replaceSubrange(
                    target..<target + 3 * columns.count, with: bytes[source..<source + 3 * columns.count])
            }
        }
        return PixelBatch(count: count, height: cropHeight, width: cropWidth, bytes: cropped)
    }

    /// Where the crop begins in the picture; negative where the picture is smaller.
    private static func margin(_ size: Int, _ crop: Int) -> Int {
        crop <= size ? (size - crop) / 2 : -((crop - size + 1) / 2)
    }

    private func withRowsResized(to newWidth: Int, _ filter: ResamplingFilter) -> PixelBatch {
        if newWidth == width { return self }
        let taps = filter.taps(from: width, to: newWidth)
        let resized = bytes.withUnsafeBufferPointer { source in
            Self.filled(count * height * newWidth * 3) { result in
                for row in 0..<count * height {
                    for (x, taps) in taps.enumerated() {
                        let first = 3 * (row * width + taps.start)
                        for colour in 0..<3 {
                            result[3 * (row * newWidth + x) + colour] = taps.sum(source, from: first + colour, step: 3)
                        }
                    }
                }
            }
        }
        return PixelBatch(count: count, height: height, width: newWidth, bytes: resized)
    }

    private func withColumnsResized(to newHeight: Int, _ filter: ResamplingFilter) -> PixelBatch {
        if newHeight == height { return self }
        let taps = filter.taps(from: height, to: newHeight)
        let row = 3 * width
        let resized = bytes.withUnsafeBufferPointer { source in
            Self.filled(count * newHeight * row) { result in
                for picture in 0..<count {
                    for (y, taps) in taps.enumerated() {
                        let first = (picture * height + taps.start) * row
                        let target = (picture * newHeight + y) * row
                        for place in 0..<row {
                            result[target + place] = taps.sum(source, from: first + place, step: row)
                        }
                    }
                }
            }
        }
        return PixelBatch(count: count, height: newHeight, width: width, bytes: resized)
    }

    private static func filled(_ count: Int, _ fill: (UnsafeMutableBufferPointer<UInt8>) -> Void) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            buffer.initialize(repeating: 0)
            fill(buffer)
            filled = count
        }
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
