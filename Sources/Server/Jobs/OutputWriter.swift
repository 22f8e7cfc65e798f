internal import Diffusion
internal import Media
internal import VisualGen

/// Writes a job's results as files.
struct OutputWriter: Sendable {
    let job: Job
    /// Resolved.
    let request: GenerationRequest
    let model: ServedModel
    let folder: JobFolder

    /// The height of a small image of a video, in pixels.
    private static let thumbnailHeight = 256
    /// The longest side of a small image, in pixels.
    private static let thumbnailSide = 384

    /// Writes every file; each appears whole or not at all.
    ///
    /// - Parameter pixels: what the worker made
    /// - Throws: `MediaError`
    func write(_ pixels: PixelBatch) throws {
        if pixels.shape.frames == nil {
            for index in 0..<pixels.count { try writeImage(pixels, index) }
        } else {
            for index in 0..<pixels.count { try writeVideo(pixels, index) }
            try writePreviews(pixels)
        }
    }

    private func recipe(_ index: Int) -> [PNGText] {
        Recipe(request, model: model.name, dtype: model.dtype, cache: model.cache, image: index).texts
    }

    private func writeImage(_ pixels: PixelBatch, _ index: Int) throws {
        let encoding: ImageEncoding =
            switch job.work.format {
            case "jpeg": .jpeg(quality: job.work.quality ?? 95)
            case "webp": .webp(quality: job.work.quality ?? 90)
            default: .png(text: recipe(index))
            }
        let image = try pixels.image(index)
        try image.write(to: folder.output(index, of: job), as: encoding)
        try image.scaled(toSide: Self.thumbnailSide).write(
            to: folder.thumbnail(index, of: job.id), as: .jpeg(quality: 85))
    }

    private func writeVideo(_ pixels: PixelBatch, _ index: Int) throws {
        let writer = try VideoWriter(
            to: folder.output(index, of: job), width: pixels.width, height: pixels.height,
            rate: FrameRate(request.frameRate ?? 24), texts: recipe(index))
        for frame in 0..<(pixels.shape.frames ?? 0) { try writer.append(pixels.frame(frame, of: index)) }
        try writer.finish()
    }

    /// The first frame, and a sheet of 5 × 5 frames from beginning to end.
    private func writePreviews(_ pixels: PixelBatch) throws {
        let count = pixels.shape.frames ?? 1
        let small = try pixels.frame(0, of: 0).scaled(toHeight: Self.thumbnailHeight)
        try small.write(to: "\(folder.folder(of: job.id))/thumbnail.webp", as: .webp())
        let side = 5
        let frames = try (0..<side * side).map { place in
            try pixels.frame(place * (count - 1) / (side * side - 1), of: 0).scaled(toHeight: Self.thumbnailHeight / 2)
        }
        try Image(sheet: frames, columns: side).write(
            to: "\(folder.folder(of: job.id))/spritesheet.jpg", as: .jpeg(quality: 85))
    }
}

extension PixelBatch {
    /// One image of a batch.
    func image(_ index: Int) throws(MediaError) -> Image {
        try Image(width: width, height: height, pixels: item(index))
    }

    /// One frame of one video.
    func frame(_ frame: Int, of item: Int) throws(MediaError) -> Image {
        let start = item * shape.itemBytes + frame * shape.frameBytes
        return try Image(width: width, height: height, pixels: Array(bytes[start..<start + shape.frameBytes]))
    }
}

extension Image {
    /// The image made smaller, if it is higher.
    func scaled(toHeight limit: Int) throws(MediaError) -> Image {
        height <= limit ? self : try resized(width: max(1, width * limit / height), height: limit)
    }

    /// The image made smaller, if it is longer either way.
    func scaled(toSide limit: Int) throws(MediaError) -> Image {
        let side = max(width, height)
        if side <= limit { return self }
        return try resized(width: max(1, width * limit / side), height: max(1, height * limit / side))
    }

    private func resized(width newWidth: Int, height newHeight: Int) throws(MediaError) -> Image {
        let batch = PixelBatch(count: 1, height: height, width: width, bytes: pixels)
            .resized(width: newWidth, height: newHeight, filter: .bicubic)
        return try Image(width: batch.width, height: batch.height, pixels: batch.bytes)
    }

    /// Images of one size side by side, in rows.
    ///
    /// - Parameters:
    ///   - images: as many as fill the rows
    ///   - columns: of the sheet
    /// - Throws: `MediaError`
    init(sheet images: [Image], columns: Int) throws(MediaError) {
        let (width, height) = (images.first?.width ?? 0, images.first?.height ?? 0)
        var pixels: [UInt8] = []
        pixels.reserveCapacity(images.count * width * height * 3)
        for row in 0..<images.count / columns {
            for y in 0..<height {
                for column in 0..<columns {
                    let start = 3 * y * width
                    pixels += images[row * columns + column].pixels[start..<start + 3 * width]
                }
            }
        }
        try self.init(width: columns * width, height: images.count / columns * height, pixels: pixels)
    }
}
