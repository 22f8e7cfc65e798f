package import Diffusion

extension QwenImage {
    /// How large a reference image is when the text encoder sees it, and when it enters the autoencoder.
    // Source: diffusers 0.42.1, pipelines/qwenimage/pipeline_qwenimage_edit_plus.py, `calculate_dimensions`.
    package struct ReferenceSize: Equatable {
        package let textEncoder, autoencoder: OutputSize

        /// The areas, in pixels, that a request may choose; the published ones if it does not.
        static let parameters = [
            ParameterSpec(
                "condition_image_size", .number(areas),
                "the area in pixels at which the text encoder sees a reference image; the model's own if absent"),
            ParameterSpec(
                "vae_image_size", .number(areas),
                "the area in pixels at which the denoiser sees a reference image; 1048576 if absent"),
        ]
        private static let areas = 1024.0...4_194_304
        /// The area of an image whose size nobody asks for, and of one that the denoiser sees.
        private static let outputArea = 1024.0 * 1024

        /// - Parameters:
        ///   - width: of the image, in pixels
        ///   - height: of the image, in pixels
        ///   - request: with the areas, as a resolved one has them
        package init(width: Int, height: Int, for request: GenerationRequest) {
            func size(_ parameter: String) -> OutputSize {
                Self.size(area: request.extra[parameter]?.number ?? 0, ratio: Double(width) / Double(height))
            }
            (textEncoder, autoencoder) = (size("condition_image_size"), size("vae_image_size"))
        }

        /// Puts a model's own areas into a request that does not say.
        static func fill(_ request: inout GenerationRequest, _ style: Sight.Style) {
            let areas = ["condition_image_size": style.conditionArea, "vae_image_size": outputArea]
            request.extra.merge(areas.mapValues(ParameterValue.number)) { own, _ in own }
        }

        /// The sizes of a request's images.
        static func all(of request: GenerationRequest) -> [ReferenceSize] {
            request.images.map { ReferenceSize(width: $0.pixels.width, height: $0.pixels.height, for: request) }
        }

        /// The size of what is made of an image, unless the request says otherwise.
        ///
        /// - Parameters:
        ///   - width: of the image, in pixels
        ///   - height: of the image, in pixels
        /// - Returns: that of a megapixel in the same shape
        package static func output(width: Int, height: Int) -> OutputSize {
            size(area: outputArea, ratio: Double(width) / Double(height))
        }

        /// Whether an image of this size is taken at all: one that is narrower would be too long at a megapixel.
        static func takes(width: Int, height: Int) -> Bool { max(width, height) <= 256 * min(width, height) }

        /// Whether the image is so narrow that it has no pixel left.
        var isEmpty: Bool {
            [textEncoder.width, textEncoder.height, autoencoder.width, autoencoder.height].contains(0)
        }

        /// About an area in a shape, with sides that are multiples of 32 pixels.
        private static func size(area: Double, ratio: Double) -> OutputSize {
            func side(_ length: Double) -> Int { Int((length / 32).rounded(.toNearestOrEven)) * 32 }
            let width = (area * ratio).squareRoot()
            return OutputSize(height: side(width / ratio), width: side(width))
        }
    }
}

extension QwenImage.Parts {
    /// The size in which the vision tower takes an image; nil if it is too narrow.
    func visionSize(_ size: QwenImage.ReferenceSize) -> OutputSize? {
        let seen = size.textEncoder
        return size.isEmpty ? nil : sight?.processor.config.size(width: seen.width, height: seen.height)
    }

    /// The vision tower's patches of each of a request's images, and how many of them become a token.
    func visionPatches(of request: GenerationRequest) -> (counts: [Int], perToken: Int) {
        guard let sight else { return ([], 1) }
        let (patch, merge) = (sight.vision.patchSize, sight.vision.spatialMergeSize)
        let sizes = QwenImage.ReferenceSize.all(of: request).compactMap(visionSize)
        return (sizes.map { $0.height / patch * ($0.width / patch) }, merge * merge)
    }

    /// The tokens of the images in a text.
    func imageTokens(of request: GenerationRequest) -> Int {
        let (counts, perToken) = visionPatches(of: request)
        return counts.reduce(0) { $0 + $1 / perToken }
    }
}
