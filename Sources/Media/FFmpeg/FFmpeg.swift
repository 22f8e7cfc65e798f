import CFFmpeg
internal import Glibc

/// What all uses of FFmpeg's libraries share.
enum FFmpeg {
    /// FFmpeg writes to standard error by default; every wrapper touches this first, and what went wrong is thrown.
    static let isSilent: Bool = {
        av_log_set_level(AV_LOG_QUIET)
        return true
    }()

    /// The code of a codec that wants more input before it gives output.
    static let tryAgain = -EAGAIN
    /// The code of a codec or a file that has no more to give.
    static let endOfFile = -Int32(0x20_46_4F_45)

    /// FFmpeg's own words for one of its error codes.
    static func reason(_ code: Int32) -> String {
        var text = [CChar](repeating: 0, count: 128)
        av_strerror(code, &text, text.count)
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
