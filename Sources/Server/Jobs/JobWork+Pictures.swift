internal import Diffusion
internal import Files

extension JobWork {
    /// The work as it is stored, its pictures left to their files.
    var withoutPictures: JobWork {
        var work = self
        (work.request.images, work.request.lastImage) = ([], nil)
        return work
    }

    /// The request with its pictures, read from their files.
    ///
    /// - Parameters:
    ///   - job: whose
    ///   - folder: where
    ///   - pixelLimit: the most pixels of a picture
    /// - Returns: the request
    /// - Throws: `FileError` or ``APIError``
    func withPictures(of job: String, in folder: JobFolder, pixelLimit: Int) throws -> GenerationRequest {
        var request = request
        var pictures: [InputPicture] = []
        for (index, name) in inputs.enumerated() {
            let bytes = try InputFile(reading: folder.input(index, of: job)).readAll(limit: 1 << 30)
            pictures.append(
                try Upload(name: name, bytes: bytes).picture(field: "image", pixelLimit: pixelLimit))
        }
        if endsWithLastInput { request.lastImage = pictures.popLast() }
        request.images = pictures
        return request
    }
}
