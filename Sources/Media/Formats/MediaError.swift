package import Files

/// Why an image or a video cannot be read or written.
package enum MediaError: BlamedError, Equatable {
    case emptyImage(width: Int, height: Int)
    case pixelCount(width: Int, height: Int, found: Int)
    case imageTooLarge(width: Int, height: Int, sideLimit: Int, pixelLimit: Int)
    case unknownExtension(path: String, known: [String])
    case quality(Int, format: ImageFormat)
    case textKeyword(String)
    case textHoldsNUL(keyword: String)
    case notAnImage
    case damaged(DecodableFormat, String)
    case unsupported(DecodableFormat, String)
    case cannotDecode(DecodableFormat, reason: String)
    case cannotEncode(ImageFormat, reason: String)
    case unknownVideoExtension(path: String, known: [String])
    case missingVideoEncoder(VideoFormat)
    case cannotEncodeVideo(VideoFormat, reason: String)
    case cannotDecodeVideo(path: String, reason: String)
    case videoSetting(String, Int, allowed: ClosedRange<Int>, format: VideoFormat)
    case noCRF(VideoFormat)
    case frameRate(Double)
    case gifRate(Double)
    case frameSize(width: Int, height: Int, expected: Int, Int)
    case noFrames
    case videoIsClosed
    case missingCodec(String)
    case outOfMemory
    case cannotRead(path: String, reason: String)
    case cannotWrite(path: String, reason: String)
}

extension MediaError: CustomStringConvertible {
    package var blame: Blame {
        switch self {
        case .unknownExtension, .unknownVideoExtension, .quality, .videoSetting, .noCRF, .frameRate, .gifRate: .request
        case .missingVideoEncoder, .missingCodec: .unavailable
        case .outOfMemory: .memory
        case .cannotWrite, .cannotEncode, .cannotEncodeVideo: .output
        case .frameSize, .noFrames, .videoIsClosed, .emptyImage, .pixelCount: .bug
        default: .input
        }
    }

    package var description: String {
        switch self {
        case .emptyImage(let width, let height): "an image of \(width)×\(height) pixels has no pixel"
        case .pixelCount(let width, let height, let found):
            "an image of \(width)×\(height) pixels takes 3 bytes a pixel, not \(found) bytes in all"
        case .imageTooLarge(let width, let height, let sideLimit, let pixelLimit):
            "the image has \(width)×\(height) pixels; at most \(sideLimit) a side and \(pixelLimit) in all are allowed"
        case .unknownExtension(let path, let known):
            "the name \(path) does not tell an image's format; it must end in \(known.joined(separator: ", "))"
        case .quality(let quality, let format): "the quality of a \(format) is 1 to 100, not \(quality)"
        case .textKeyword(let keyword):
            "a PNG's text cannot have the keyword \"\(keyword.prefix(100))\": 1 to 79 printable Latin-1 characters are "
                + "allowed, no blank at either end, no two in a row"
        case .textHoldsNUL(let keyword): "the PNG's text \(keyword) holds a NUL character"
        case .notAnImage: "the data are neither PNG nor JPEG nor WebP nor GIF"
        case .damaged(let format, let what): "the \(format) is damaged: \(what)"
        case .unsupported(let format, let what): "the \(format) cannot be read: \(what)"
        case .cannotDecode(let format, let reason): "the \(format) cannot be decoded: \(reason)"
        case .cannotEncode(let format, let reason): "the image cannot be written as \(format): \(reason)"
        case .unknownVideoExtension(let path, let known):
            "the name \(path) does not tell a video's format; it must end in \(known.joined(separator: ", ")), "
                + "in / for a folder of PNG files, or in .png with %d for their numbers"
        case .missingVideoEncoder(let format):
            "this machine's FFmpeg has no encoder \(format.encoder), so no \(format) can be written"
                + (format == .mp4 ? "; a name that ends in .avi works without it" : "")
        case .cannotEncodeVideo(let format, let reason): "the video cannot be written as \(format): \(reason)"
        case .cannotDecodeVideo(let path, let reason): "the video \(path) cannot be decoded: \(reason)"
        case .videoSetting(let name, let value, let allowed, let format):
            "the \(name) of a video as \(format) is \(allowed.lowerBound) to \(allowed.upperBound), not \(value)"
        case .noCRF(let format): "the quality of a video as \(format) has no CRF; MP4 and WebM have"
        case .frameRate(let rate):
            "a video has \(FrameRate.range.lowerBound) to \(FrameRate.range.upperBound) frames a second, not \(rate)"
        case .gifRate(let rate): "a GIF shows at most 50 frames a second, not \(rate)"
        case .frameSize(let width, let height, let expectedWidth, let expectedHeight):
            "a frame of \(width)×\(height) pixels does not fit a video of \(expectedWidth)×\(expectedHeight)"
        case .noFrames: "a video without a frame cannot be written"
        case .videoIsClosed: "the video is finished or was given up, and takes no more frames"
        case .missingCodec(let name): "this machine's FFmpeg has no \(name)"
        case .outOfMemory: "there is no memory left for the image"
        case .cannotRead(let path, let reason): "\(path) cannot be read: \(reason)"
        case .cannotWrite(let path, let reason): "\(path) cannot be written: \(reason)"
        }
    }
}
