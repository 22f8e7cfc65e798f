import CFFmpeg

extension Frame {
    /// The RGB pixels of planes of 8-bit luma and chroma; nil where the frame holds something else.
    borrowing func lumaAndChromaPixels(_ style: ChromaStyle) -> [UInt8]? {
        guard let description = av_pix_fmt_desc_get(format)?.pointee, description.nb_components >= 3,
            description.comp.0.depth == 8,
            description.flags & UInt64(AV_PIX_FMT_FLAG_PLANAR | AV_PIX_FMT_FLAG_RGB) == UInt64(AV_PIX_FMT_FLAG_PLANAR),
            let luma = plane(0), let cb = plane(1), let cr = plane(2)
        else { return nil }
        let (xShift, yShift) = (Int(description.log2_chroma_w), Int(description.log2_chroma_h))
        let width = width
        let resolution = ChromaResolution(
            width: (width + 1 << xShift - 1) >> xShift, height: (height + 1 << yShift - 1) >> yShift, xShift: xShift,
            yShift: yShift)
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 2 * (resolution.width << xShift)) { buffer in
            guard let cbRow = buffer.baseAddress else { return nil }
            let crRow = cbRow + resolution.width << xShift
            return rows { y, row in
                resolution.row(y, of: cb, style, into: cbRow)
                resolution.row(y, of: cr, style, into: crRow)
                let lumaRow = luma.start + y * luma.stride
                for x in 0..<width {
                    (row[3 * x], row[3 * x + 1], row[3 * x + 2]) = style.rgb(lumaRow[x], cbRow[x], crRow[x])
                }
            }
        }
    }
}

/// The size of a plane of chroma, and how often it is doubled to the picture's.
private struct ChromaResolution {
    let width, height, xShift, yShift: Int

    /// Writes the chroma of one row of pixels, `width << xShift` long.
    func row(
        _ y: Int, of plane: (start: UnsafeMutablePointer<UInt8>, stride: Int), _ style: ChromaStyle,
        into result: UnsafeMutablePointer<UInt8>
    ) {
        let isUpper = y.isMultiple(of: 2)
        let number = y >> yShift
        let near = plane.start + number * plane.stride
        let far = plane.start + min(max(number + (isUpper ? -1 : 1), 0), height - 1) * plane.stride
        switch (xShift, yShift) {
        case (1, 1): style.doubleBoth(near, far, width: width, into: result)
        case (1, 0): ChromaStyle.doubleWidth(near, width: width, into: result)
        case (0, 1): ChromaStyle.doubleHeight(near, far, width: width, isUpper: isUpper, into: result)
        default: for x in 0..<width << xShift { result[x] = near[x >> xShift] }
        }
    }
}
