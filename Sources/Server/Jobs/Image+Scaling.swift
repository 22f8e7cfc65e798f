internal import Diffusion
internal import Media

extension PixelBatch {
    /// One image of a batch.
    func image(_ index: Int) throws(MediaError) -> Image {
        try Image(width: width, height: height, pixels: item(index))
    }
}

extension Image {
    /// The image made smaller, if it is higher.
    func scaled(toHeight limit: Int) throws(MediaError) -> Image {
        height <= limit ? self : try resized(width: max(1, width * limit / height), height: limit)
    }

    /// The image made smaller, if it is longer either way.
    func scaled(toSide limit: Int) throws(MediaError) -> Image {
        let side = max(width, height)
        if side <= limit { return self }
        return try resized(width: max(1, width * limit / side), height: max(1, height * limit / side))
    }

    private func resized(width newWidth: Int, height newHeight: Int) throws(MediaError) -> Image {
        let batch = PixelBatch(count: 1, height: height, width: width, bytes: pixels)
            .resized(width: newWidth, height: newHeight, filter: .bicubic)
        return try Image(width: batch.width, height: batch.height, pixels: batch.bytes)
    }

    /// Images of one size side by side, in rows.
    ///
    /// - Parameters:
    ///   - images: as many as fill the rows
    ///   - columns: of the sheet
    /// - Throws: `MediaError`
    init(sheet images: [Image], columns: Int) throws(MediaError) {
        let (width, height) = (images.first?.width ?? 0, images.first?.height ?? 0)
        var pixels: [UInt8] = []
        pixels.reserveCapacity(images.count * width * height * 3)
        for row in 0..<images.count / columns {
            for y in 0..<height {
                for column in 0..<columns {
                    let start = 3 * y * width
                    pixels += images[row * columns + column].pixels[start..<start + 3 * width]
                }
            }
        }
        try self.init(width: columns * width, height: images.count / columns * height, pixels: pixels)
    }
}
