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
        try withImages(pixelLimit: pixelLimit, share) { index in
            let file = try InputFile(reading: folder.input(index, of: job))
            return Upload(name: inputs[index], bytes: try file.readAll(limit: 1 << 30))
        }
    }

    /// The request with its images.
    ///
    /// - Parameters:
    ///   - pixelLimit: the most pixels of an image
    ///   - share: the memory that they take
    ///   - file: gives each image's file by its place
    /// - Returns: the request
    /// - Throws: ``APIError``, or what `file` throws
    func withImages(pixelLimit: Int, _ share: RequestMemory.Share, file: (Int) throws -> Upload) throws
        -> GenerationRequest
    {
        var request = request
        var images: [RequestImage] = []
        for index in inputs.indices {
            try Task.checkCancellation()
            let file = try file(index)
            share.take(file.pixelBytes(pixelLimit))
            images.append(try file.image(field: "image", pixelLimit: pixelLimit))
        }
        if endsWithLastInput { request.lastImage = images.popLast() }
        request.images = images
        return request
    }

    /// What is left of the work when nothing that a client said in it may be kept: sizes and numbers.
    var withoutContent: JobWork {
        var work = self
        work.request = request.withoutContent
        (work.inputs, work.inputSizes, work.endsWithLastInput) = ([], nil, false)
        return work
    }
}

extension GenerationRequest {
    fileprivate var withoutContent: GenerationRequest {
        var request = self
        (request.prompts, request.negativePrompts) = (prompts.map { _ in "" }, [])
        (request.images, request.lastImage) = ([], nil)
        request.extra = extra.filter { $0.value.items.allSatisfy { $0.text == nil } }
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
