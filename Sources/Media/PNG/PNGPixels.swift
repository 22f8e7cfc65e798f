/// The packed pixels of a PNG.
///
/// They are unpacked here, as in PIL, and not by a library: those refuse what PIL reads, such as a wrong checksum of a
/// chunk whose pixels are sound.
struct PNGPixels: CodedPixels {
    /// Of the image, or of an animation's first frame.
    let header: PNGHeader
    /// Red, green and blue of 256 numbers; empty for pixels that are no numbers of a table.
    let palette: [UInt8]
    /// The data of chunks that follow each other.
    let packed: [ArraySlice<UInt8>]

    /// zlib packs no more bytes than these into one.
    private static let bestPacking = 1032

    func decoded() throws(MediaError) -> Image {
        try Image(width: header.width, height: header.height, pixels: unpacked())
    }

    /// Unpacks the pixels; what follows the last is left aside.
    ///
    /// - Returns: rows of RGB
    /// - Throws: `.damaged` where one is missing, `.outOfMemory`
    // Source: Pillow 13.0.0, libImaging/ZipDecode.c.
    func unpacked() throws(MediaError) -> [UInt8] {
        let most = packed.reduce(0) { $0 + $1.count } * Self.bestPacking
        guard header.unpackedSize <= most else { throw .damaged(.png, Self.missing) }
        var reader = try PNGRows(packed)
        var fault: String?
        let pixels = [UInt8](unsafeUninitializedCapacity: 3 * header.width * header.height) { buffer, count in
            fault = fill(buffer, &reader)
            count = fault == nil ? buffer.count : 0
        }
        if let fault { throw .damaged(.png, fault) }
        return pixels
    }

    private static let missing = "a part of its pixels is missing"

    /// - Returns: what is wrong, if anything
    private func fill(_ pixels: UnsafeMutableBufferPointer<UInt8>, _ reader: inout PNGRows) -> String? {
        guard let start = pixels.baseAddress else { return Self.missing }
        let unpacker = PNGUnpacker(header, palette: palette)
        let unit = max(1, header.channels * header.bits / 8)
        for pass in header.passes {
            let size = header.size(ofColumns: pass.columns)
            // The filter's number, then the row; the row above the first is black.
            var (row, above) = ([UInt8](repeating: 0, count: size + 1), [UInt8](repeating: 0, count: size + 1))
            for number in 0..<pass.rows {
                guard reader.read(into: &row) else {
                    return reader.isBroken ? "its pixels do not unpack" : Self.missing
                }
                guard PNGFilter.undo(&row, above: above, unit: unit) else {
                    return "it has a row with a filter that does not exist"
                }
                let target = start + 3 * ((pass.y + number * pass.stepY) * header.width + pass.x)
                unpacker.write(row, pass.columns, into: target, step: 3 * pass.stepX)
                swap(&row, &above)
            }
        }
        return nil
    }
}
