internal import Diffusion
internal import Files

extension JobWork {
    /// The work as it is stored, its images left to their files.
    var withoutImages: JobWork {
        var work = self
        (work.request.images, work.request.lastImage) = ([], nil)
        return work
    }

    /// Notes which images the request brings; they go into files.
    mutating func noteInputs() {
        let images = request.images + [request.lastImage].compactMap { $0 }
        (inputs, endsWithLastInput) = (images.map(\.name), request.lastImage != nil)
        inputSizes = images.map { OutputSize(height: $0.pixels.height, width: $0.pixels.width) }
    }

    /// The request with the names and sizes of its images, which stay in their files: all that a job needs that waits.
    var outline: GenerationRequest {
        var request = request
        let sizes = inputSizes ?? []
        request.images = inputs.enumerated().map { index, name in
            index < sizes.count ? RequestImage(outlineOf: name, sizes[index]) : RequestImage(outlineOf: name)
        }
        request.lastImage = endsWithLastInput ? request.images.popLast() : nil
        return request
    }

    /// The request with its images, read from their files.
    ///
    /// - Parameters:
    ///   - job: whose
    ///   - folder: where
    ///   - pixelLimit: the most pixels of an image
    ///   - share: the memory that they take
    /// - Returns: the request
    /// - Throws: `FileError` or ``APIError``
    func withImages(
        of job: String, in folder: JobFolder, pixelLimit: Int, _ share: RequestMemory.Share
    ) throws -> GenerationRequest {
        var request = request
        var images: [RequestImage] = []
        for (index, name) in inputs.enumerated() {
            try Task.checkCancellation()
            let file = Upload(
                name: name, bytes: try InputFile(reading: folder.input(index, of: job)).readAll(limit: 1 << 30))
            share.take(file.pixelBytes(pixelLimit))
            images.append(try file.image(field: "image", pixelLimit: pixelLimit))
        }
        if endsWithLastInput { request.lastImage = images.popLast() }
        request.images = images
        return request
    }
}

extension RequestImage {
    /// Stands for an image that lies in a file until it is needed; it has no bytes.
    ///
    /// - Parameters:
    ///   - name: what the client calls it
    ///   - size: in pixels; anything where it does not matter
    init(outlineOf name: String, _ size: OutputSize = OutputSize(height: 1, width: 1)) {
        self.init(name: name, pixels: PixelBatch(count: 1, height: size.height, width: size.width, bytes: []))
    }
}
