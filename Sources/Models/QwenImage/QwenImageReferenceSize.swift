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
                "the area in pixels at which the text encoder sees a reference image; 147456 if absent"),
            ParameterSpec(
                "vae_image_size", .number(areas),
                "the area in pixels at which the denoiser sees a reference image; 1048576 if absent"),
        ]
        private static let areas = 1024.0...4_194_304
        /// The area of an image whose size nobody asks for.
        private static let outputArea = 1024.0 * 1024

        /// - Parameters:
        ///   - width: of the image, in pixels
        ///   - height: of the image, in pixels
        ///   - request: may choose other areas than the published ones
        package init(width: Int, height: Int, for request: GenerationRequest) {
            let ratio = Double(width) / Double(height)
            textEncoder = Self.size(
                area: request.extra["condition_image_size"]?.number ?? 384 * 384, ratio: ratio)
            autoencoder = Self.size(area: request.extra["vae_image_size"]?.number ?? 1024 * 1024, ratio: ratio)
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

        /// An image narrower than this has no pixel left.
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
        size.isEmpty ? nil : sight?.processor.config.size(width: size.textEncoder.width, height: size.textEncoder.height)
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
