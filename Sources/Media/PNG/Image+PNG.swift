extension Image {
    /// The image as a PNG, without texts.
    ///
    /// - Returns: a whole file
    /// - Throws: `.outOfMemory`
    func png() throws(MediaError) -> [UInt8] {
        var header: [UInt8] = []
        header.appendBigEndian(UInt32(width))
        header.appendBigEndian(UInt32(height))
        // 8 bits of red, green and blue, rows in their order.
        header += [8, 2, 0, 0, 0]
        var file = DecodableFormat.pngSignature + PNGChunk.encoded("IHDR", header)
        for chunk in try PNGPacker(self).chunks() { file += chunk }
        return file + PNGChunk.encoded("IEND", [])
    }
}
