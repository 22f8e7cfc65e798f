/// Writes a video frame by frame, all or nothing.
///
/// Frames go to the encoder as they come and are not kept. The file appears under its name when ``finish()`` returns;
/// until then it lies beside it under another name, which is gone after an error, after ``cancel()`` and when the
/// writer goes out of use.
package final class VideoWriter {
    /// Of each frame, in pixels.
    package let width, height: Int
    /// How many frames there are so far.
    package private(set) var frameCount = 0
    /// The size of the frames in the file, in pixels.
    ///
    /// It is the next even number in an MP4, where each 2×2 pixels share a colour: the last column or row comes twice.
    /// The other sampling that H.264 has for odd sizes, yuv444p, is one that browsers and phones do not play.
    package let codedWidth, codedHeight: Int
    private var sink: (any VideoSink)?

    /// Begins a video.
    ///
    /// - Parameters:
    ///   - path: the file to be written, whose folder must exist. For ``VideoFormat/images`` a folder's name that
    ///     ends in `/` (it is made, and filled with `00000.png`, `00001.png`, …), or files' names with `%d` or `%05d`
    ///     where the number from 0 on goes.
    ///   - width: of each frame, in pixels
    ///   - height: of each frame, in pixels
    ///   - rate: frames a second
    ///   - encoding: nil for what the path's extension says, with default settings
    ///   - sound: of the whole video; animated WebP, GIF and PNG files go without
    ///   - texts: travel in the file as its comment, in PNG files as their texts; animated WebP and GIF go without
    package init(
        to path: String, width: Int, height: Int, rate: FrameRate, as encoding: VideoEncoding? = nil,
        sound: VideoSound? = nil, texts: [PNGText] = []
    ) throws(MediaError) {
        let encoding = if let encoding { encoding } else { VideoEncoding(try VideoFormat(path: path)) }
        try encoding.validate(at: rate)
        try Image.checkSize(width: width, height: height)
        let isEven = encoding.format == .mp4
        (self.width, self.height) = (width, height)
        (codedWidth, codedHeight) = isEven ? (width + width % 2, height + height % 2) : (width, height)
        sink =
            if encoding.format == .images {
                try ImageFolder(path, texts: texts)
            } else {
                try VideoFile(
                    path, width: codedWidth, height: codedHeight, rate: rate, encoding: encoding, sound: sound,
                    texts: texts)
            }
    }

    /// Adds the next frame.
    ///
    /// - Parameter frame: of the video's size
    /// - Throws: ``MediaError``; after any but `.frameSize` the video is given up
    package func append(_ frame: Image) throws(MediaError) {
        guard let sink else { throw .videoIsClosed }
        guard (frame.width, frame.height) == (width, height) else {
            throw .frameSize(width: frame.width, height: frame.height, expected: width, height)
        }
        do {
            try sink.append(frame, number: frameCount)
        } catch {
            cancel()
            throw error
        }
        frameCount += 1
    }

    /// Completes the file and gives it its name.
    ///
    /// - Throws: ``MediaError``; then nothing is left of the video
    package func finish() throws(MediaError) {
        guard let sink else { throw .videoIsClosed }
        self.sink = nil
        guard frameCount > 0 else { throw .noFrames }
        try sink.finish()
    }

    /// Gives the video up.
    ///
    /// What was written is removed. After ``finish()`` it does nothing.
    package func cancel() { sink = nil }
}

/// Where a video's frames go; what it has written and not finished is removed with it.
protocol VideoSink: AnyObject {
    /// - Parameters:
    ///   - frame: of the video's size
    ///   - number: counted from 0
    func append(_ frame: Image, number: Int) throws(MediaError)

    /// Gives what was written its name.
    func finish() throws(MediaError)
}
