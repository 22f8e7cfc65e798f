/// What a PNG says of its frames, of which the first is read.
// Source: W3C, Portable Network Graphics (Third Edition), 11.3.6; Pillow 13.0.0, PngImagePlugin.py.
struct PNGAnimation {
    /// Where a frame lies on the image.
    struct Frame {
        let x, y, width, height: Int
    }

    /// The frame that was announced last.
    private(set) var frame: Frame?
    private var count: Int?
    private var last: Int?

    /// Whether frames follow the pixels read so far.
    var hasFrames: Bool { (count ?? 1) + (count != nil && frame == nil ? 1 : 0) > 1 }

    /// Reads how many frames there are.
    mutating func readControl(_ data: ArraySlice<UInt8>) {
        if count != nil {
            count = nil
        } else if let frames = data.bigEndian(at: 0, size: 4), 1...0x8000_0000 ~= frames {
            count = frames
        }
    }

    /// Reads where the next frame lies.
    ///
    /// - Parameters:
    ///   - data: at least 26 bytes
    ///   - width: the image's
    ///   - height: the image's
    /// - Throws: `.damaged`
    mutating func readFrame(_ data: ArraySlice<UInt8>, width: Int, height: Int) throws(MediaError) {
        let fields = stride(from: 0, to: 20, by: 4).compactMap { data.bigEndian(at: $0, size: 4) }
        guard fields.count == 5, fields[0] == last.map({ $0 + 1 }) ?? 0 else {
            throw .damaged(.png, "its frames are not in order")
        }
        guard fields[3] + fields[1] <= width, fields[4] + fields[2] <= height else {
            throw .damaged(.png, "a frame reaches beyond the image")
        }
        last = fields[0]
        frame = Frame(x: fields[3], y: fields[4], width: fields[1], height: fields[2])
    }
}
