internal import CFFmpeg

extension VideoFormat {
    /// FFmpeg's name of the encoder that the format needs; ``images`` need none.
    package var encoder: String {
        switch self {
        case .mp4: "libx264"
        case .webm: "libvpx-vp9"
        case .webp: "libwebp"
        case .gif: "gif"
        case .avi: "mjpeg"
        case .images: ""
        }
    }

    /// Whether this machine can write the format.
    package var isAvailable: Bool {
        self == .images || FFmpeg.isSilent && avcodec_find_encoder_by_name(encoder) != nil
    }

    /// What plays nearly everywhere: MP4, or AVI on a machine without an encoder for H.264.
    package static var best: VideoFormat { mp4.isAvailable ? .mp4 : .avi }

    /// FFmpeg's name of the container; ``images`` have none.
    var container: String { fileExtension ?? "" }
}
