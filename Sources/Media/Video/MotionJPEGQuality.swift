import CFFmpeg

/// The quantisation tables that a quality stands for.
enum MotionJPEGQuality {
    /// Brightness at quality 50, row by row.
    // Source: ITU-T T.81, tables K.1 and K.2; scaled as in libjpeg, jcparam.c, `jpeg_quality_scaling`.
    private static let luma: [Int] = [
        16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29,
        51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121,
        120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
    ]
    /// Colour at quality 50, row by row.
    private static let chroma: [Int] = [
        17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99,
        99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
        99, 99, 99, 99, 99, 99, 99, 99,
    ]

    /// - Parameter quality: 1 to 100
    /// - Returns: two tables of 64 numbers from 1 to 255, row by row
    static func tables(_ quality: Int) -> (luma: [UInt16], chroma: [UInt16]) {
        let percent = quality < 50 ? 5000 / quality : 200 - 2 * quality
        func scaled(_ table: [Int]) -> [UInt16] { table.map { UInt16(min(max(($0 * percent + 50) / 100, 1), 255)) } }
        return (scaled(luma), scaled(chroma))
    }
}

extension CodecContext {
    /// Gives FFmpeg's JPEG encoder the tables of a quality.
    ///
    /// The encoder multiplies its tables with a scale and divides by 8, so the scale is held at 8. The mean of a block
    /// it always quantises with 8 (one grey level), a better quality than libjpeg's up to 75 and a lesser one above 75.
    func setMotionJPEGQuality(_ quality: Int) {
        let tables = MotionJPEGQuality.tables(quality)
        pointer.pointee.intra_matrix = Self.matrix(tables.luma)
        pointer.pointee.chroma_intra_matrix = Self.matrix(tables.chroma)
        pointer.pointee.dct_algo = FF_DCT_INT
        pointer.pointee.flags |= AV_CODEC_FLAG_QSCALE
        pointer.pointee.global_quality = 8 * FF_QP2LAMBDA
    }

    /// A copy that is freed with the context.
    private static func matrix(_ table: [UInt16]) -> UnsafeMutablePointer<UInt16>? {
        let copy = av_memdup(table, table.count * MemoryLayout<UInt16>.size)
        return copy?.bindMemory(to: UInt16.self, capacity: table.count)
    }
}
