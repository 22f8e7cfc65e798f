internal import Diffusion
internal import Engine
internal import Media
internal import Synchronization

/// Small versions of what a job makes: of each image, or of a video's first frame and of frames from beginning to end.
final class Thumbnails: Sendable {
    private struct State {
        var images: [EncodedImage] = []
        /// A video's first frame, small.
        var first: Image?
        /// By its place in the sheet.
        var sheet: [Int: Image] = [:]
    }

    private let job: Job
    private let folder: JobFolder
    private let state = Mutex(State())

    /// The longest side of an image's, in pixels.
    private static let side = 384
    /// The height of a video's first frame, in pixels; in the sheet a frame has half of it.
    private static let height = 256
    /// Frames in each row and column of the sheet.
    private static let sheetSide = 5

    init(of job: Job, in folder: JobFolder) { (self.job, self.folder) = (job, folder) }

    /// Takes a part; one with the first frame begins anew.
    func add(_ part: PixelPart) throws {
        if part.firstFrame == 0 { state.withLock { $0 = State() } }
        guard let count = part.shape.frames, job.kind == .video else {
            let images = try (0..<part.shape.count).map { index in
                try EncodedImage(part.image(index).scaled(toSide: Self.side), as: .jpeg(quality: 85))
            }
            return state.withLock { $0.images = images }
        }
        let places = Self.sheetSide * Self.sheetSide
        if part.firstFrame == 0 {
            let first = try part.image(0).scaled(toHeight: Self.height)
            state.withLock { $0.first = first }
        }
        for place in 0..<places {
            let frame = place * (count - 1) / (places - 1) - part.firstFrame
            guard (0..<part.frameCount).contains(frame) else { continue }
            let image = try part.image(0, frame).scaled(toHeight: Self.height / 2)
            state.withLock { $0.sheet[place] = image }
        }
    }

    /// Writes the files.
    func write() throws {
        let state = state.withLock { $0 }
        guard job.kind == .video else {
            for (index, image) in state.images.enumerated() {
                try image.write(to: folder.thumbnail(index, of: job.id))
            }
            return
        }
        let path = folder.folder(of: job.id)
        try state.first?.write(to: "\(path)/thumbnail.webp", as: .webp())
        let frames = state.sheet.sorted { $0.key < $1.key }.map(\.value)
        try Image(sheet: frames, columns: Self.sheetSide).write(
            to: "\(path)/spritesheet.jpg", as: .jpeg(quality: 85))
    }
}
