import CFFmpeg
internal import Dispatch

/// Packs an image's rows into the zlib stream of a PNG, in parts by as many threads as the machine has.
///
/// A part is packed with what lies before it in mind, so that it is as small as in one piece. Where parts begin depends on the
/// image alone, and so do the bytes.
// Source: RFC 1950 and 1951; W3C, Portable Network Graphics (Third Edition), 9, 10 and 12.7.
struct PNGPacker {
    /// Of the rows, the numbers of their filters before them.
    private let filtered: [UInt8]
    /// Bytes of a part.
    private let part: Int
    /// As far back as a part may refer.
    private static let window = 32768

    /// Filters an image's rows, each in the way that is likely to pack best.
    ///
    /// - Parameters:
    ///   - image: 8 bits a channel, red, green and blue
    ///   - part: how many bytes are packed by one thread
    init(_ image: Image, part: Int = 1 << 18) {
        let (width, height) = (3 * image.width, image.height)
        filtered = [UInt8](unsafeUninitializedCapacity: height * (width + 1)) { buffer, count in
            nonisolated(unsafe) let buffer = buffer
            image.pixels.withUnsafeBufferPointer { pixels in
                nonisolated(unsafe) let pixels = pixels
                let rows = max(1, part / (width + 1))
                DispatchQueue.concurrentPerform(iterations: (height + rows - 1) / rows) { index in
                    var filter = PNGRowFilter(width: width, unit: 3)
                    for y in index * rows..<min(height, (index + 1) * rows) {
                        filter.filter(
                            UnsafeBufferPointer(rebasing: pixels[y * width..<(y + 1) * width]),
                            above: y > 0 ? UnsafeBufferPointer(rebasing: pixels[(y - 1) * width..<y * width]) : nil,
                            into: UnsafeMutableBufferPointer(rebasing: buffer[y * (width + 1)..<(y + 1) * (width + 1)]))
                    }
                }
            }
            count = height * (width + 1)
        }
        self.part = part
    }

    /// - Returns: the chunks that hold the stream, one behind another
    /// - Throws: `.outOfMemory`
    func chunks() throws(MediaError) -> [[UInt8]] {
        let count = (filtered.count + part - 1) / part
        var parts = [(bytes: [UInt8], sum: UInt)?](repeating: nil, count: count)
        parts.withUnsafeMutableBufferPointer { parts in
            nonisolated(unsafe) let parts = parts
            DispatchQueue.concurrentPerform(iterations: count) { index in
                guard var part = deflated(index, isLast: index == count - 1) else { return }
                // The stream begins with 32 KB of window, no preset dictionary, the usual effort.
                if index == 0 { part.bytes = [0x78, 0x9C] + part.bytes }
                if index < count - 1 { part.bytes = PNGChunk.encoded("IDAT", part.bytes) }
                parts[index] = part
            }
        }
        var sum = adler32(0, nil, 0)
        var chunks: [[UInt8]] = []
        for (index, part) in parts.enumerated() {
            guard let part else { throw .outOfMemory }
            sum = adler32_combine(sum, part.sum, range(of: index).count)
            chunks.append(part.bytes)
        }
        // The last chunk also has the checksum of all that is packed.
        chunks[count - 1].appendBigEndian(UInt32(truncatingIfNeeded: sum))
        chunks[count - 1] = PNGChunk.encoded("IDAT", chunks[count - 1])
        return chunks
    }

    private func range(of index: Int) -> Range<Int> { index * part..<min(filtered.count, (index + 1) * part) }

    /// A part, ended so that the next begins at a byte, and its checksum; nil for want of memory.
    private func deflated(_ index: Int, isLast: Bool) -> (bytes: [UInt8], sum: UInt)? {
        let range = range(of: index)
        var stream = z_stream()
        // Without zlib's own head and end.
        guard
            deflateInit2_(
                &stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -15, 8, Z_FILTERED, ZLIB_VERSION,
                Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { return nil }
        defer { deflateEnd(&stream) }
        return filtered.withUnsafeBufferPointer { filtered in
            guard let first = filtered.baseAddress else { return nil }
            let before = max(0, range.lowerBound - Self.window)..<range.lowerBound
            if !before.isEmpty { deflateSetDictionary(&stream, first + before.lowerBound, UInt32(before.count)) }
            stream.next_in = UnsafeMutablePointer(mutating: first + range.lowerBound)
            stream.avail_in = UInt32(range.count)
            var isWhole = false
            // The end of a part is an empty block.
            let capacity = Int(deflateBound(&stream, UInt(range.count))) + 16
            let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
                stream.next_out = buffer.baseAddress
                stream.avail_out = UInt32(buffer.count)
                let status = deflate(&stream, isLast ? Z_FINISH : Z_SYNC_FLUSH)
                isWhole = status == (isLast ? Z_STREAM_END : Z_OK) && stream.avail_in == 0 && stream.avail_out > 0
                count = buffer.count - Int(stream.avail_out)
            }
            guard isWhole else { return nil }
            return (bytes, adler32(adler32(0, nil, 0), first + range.lowerBound, UInt32(range.count)))
        }
    }
}
