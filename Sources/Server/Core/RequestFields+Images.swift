extension RequestFields {
    /// Puts what lies at URLs of images into their places, as far as they may be fetched.
    ///
    /// - Parameters:
    ///   - core: whom the server may ask, and whether the model takes images
    ///   - share: the memory that they take
    /// - Throws: ``APIError``, `CancellationError`
    mutating func fetchImages(by core: ServerCore, _ share: RequestMemory.Share) async throws {
        guard core.images.isInUse, core.model.takesImages else { return }
        var budget = core.images.budget
        budget.share = share
        for name in ["image", "input_reference", "image_reference"] {
            try await change(name) { try await core.images.fetched($0, field: name, &budget) }
        }
    }
}
