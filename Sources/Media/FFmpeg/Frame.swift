import CFFmpeg

/// An uncompressed image, or some samples of sound, of FFmpeg's, freed at the end of its life.
struct Frame: ~Copyable {
    let pointer: UnsafeMutablePointer<AVFrame>

    /// A frame without pixels, to be filled by a decoder.
    init() throws(MediaError) {
        pointer = try Self.allocate()
    }

    /// A frame with room for pixels, to be filled by the caller.
    init(width: Int, height: Int, format: AVPixelFormat) throws(MediaError) {
        guard let width = Int32(exactly: width), let height = Int32(exactly: height) else { throw .outOfMemory }
        let pointer = try Self.allocate()
        pointer.pointee.width = width
        pointer.pointee.height = height
        pointer.pointee.format = format.rawValue
        guard av_frame_get_buffer(pointer, 0) >= 0 else {
            var released: UnsafeMutablePointer<AVFrame>? = pointer
            av_frame_free(&released)
            throw .outOfMemory
        }
        self.pointer = pointer
    }

    /// A frame with room for samples of sound, to be filled by the caller.
    init(samples count: Int, like encoder: UnsafeMutablePointer<AVCodecContext>) throws(MediaError) {
        let pointer = try Self.allocate()
        pointer.pointee.nb_samples = Int32(count)
        pointer.pointee.format = encoder.pointee.sample_fmt.rawValue
        pointer.pointee.sample_rate = encoder.pointee.sample_rate
        guard av_channel_layout_copy(&pointer.pointee.ch_layout, &encoder.pointee.ch_layout) >= 0,
            av_frame_get_buffer(pointer, 0) >= 0
        else {
            var released: UnsafeMutablePointer<AVFrame>? = pointer
            av_frame_free(&released)
            throw .outOfMemory
        }
        self.pointer = pointer
    }

    deinit {
        var released: UnsafeMutablePointer<AVFrame>? = pointer
        av_frame_free(&released)
    }

    var width: Int { Int(pointer.pointee.width) }
    var height: Int { Int(pointer.pointee.height) }
    var format: AVPixelFormat { AVPixelFormat(rawValue: pointer.pointee.format) }

    /// One of the first four planes, or nil where the frame has no such plane.
    func plane(_ number: Int) -> (start: UnsafeMutablePointer<UInt8>, stride: Int)? {
        let planes = pointer.pointee.data
        let strides = pointer.pointee.linesize
        let found = [
            (planes.0, strides.0), (planes.1, strides.1), (planes.2, strides.2), (planes.3, strides.3),
        ][number]
        return found.0.map { ($0, Int(found.1)) }
    }

    private static func allocate() throws(MediaError) -> UnsafeMutablePointer<AVFrame> {
        guard FFmpeg.isSilent, let pointer = av_frame_alloc() else { throw .outOfMemory }
        return pointer
    }
}
