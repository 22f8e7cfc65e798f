package import Diffusion
package import Layers
package import Tensors

/// `image_processor/preprocessor_config.json`: how images are brought into the form that CLIP's image encoder takes.
package struct CLIPImageProcessorConfig: ModelConfig {
    /// A length for the shorter side, or both sides.
    package struct Size: Codable, Sendable {
        package var shortestEdge, height, width: Int?
    }

    package var doConvertRgb = true
    package var doResize = true
    package var size = Size(shortestEdge: 224)
    package var resample = 3
    package var doCenterCrop = true
    package var cropSize = Size(height: 224, width: 224)
    package var doRescale = true
    package var rescaleFactor = 1 / 255.0
    package var doNormalize = true
    package var imageMean = [0.48145466, 0.4578275, 0.40821073]
    package var imageStd = [0.26862954, 0.26130258, 0.27577711]
    package init() {}

    package static var ignoredKeys: Set<String> {
        ["image_processor_type", "feature_extractor_type", "processor_class", "data_format", "default_to_square"]
    }

    package func validate() throws(ConfigFault) {
        let sides = [size.shortestEdge, size.height, size.width, cropSize.height, cropSize.width].compactMap { $0 }
        for side in sides where !(1...8192).contains(side) { throw .value("size", found: "\(side)") }
        guard size.shortestEdge != nil || (size.height != nil && size.width != nil) else {
            throw .unsupported("a size without shortest_edge, height and width")
        }
        guard cropSize.height != nil, cropSize.width != nil else {
            throw .unsupported("a crop_size without height and width")
        }
        guard ResamplingFilter(pillow: resample) != nil else { throw .value("resample", found: "\(resample)") }
        guard imageMean.count == 3, imageStd.count == 3, !imageStd.contains(0) else {
            throw .unsupported("image_mean and image_std that are not three numbers each and no zero")
        }
    }
}

/// Brings images into the form that CLIP's image encoder takes.
// Source: transformers 5.23.0, image_processing_backends.py, `PilBackend`.
package struct CLIPImageProcessor: Sendable {
    private let config: CLIPImageProcessorConfig

    /// - Parameter config: checked, as reading a file does
    package init(_ config: CLIPImageProcessorConfig) { self.config = config }

    /// Resizes, crops and normalises.
    ///
    /// - Parameters:
    ///   - pixels: images of one size
    ///   - field: what the request calls them
    /// - Returns: `[count, 3, height, width]` in 32-bit floats
    /// - Throws: ``TensorError``, or ``InvalidRequest`` for images so narrow that they become too long
    package func callAsFunction(_ pixels: PixelBatch, of field: String = "image") throws -> Tensor {
        try normalisation(sized(pixels, field))
    }

    private var normalisation: ChannelNormalisation {
        ChannelNormalisation(
            factor: config.doRescale ? config.rescaleFactor : nil, mean: config.doNormalize ? config.imageMean : nil,
            deviation: config.doNormalize ? config.imageStd : nil)
    }

    /// The longest side of an image that is not cropped.
    private static let sideLimit = 16_384

    /// Resizes and crops.
    private func sized(_ pixels: PixelBatch, _ field: String) throws(InvalidRequest) -> PixelBatch {
        let crop = config.doCenterCrop ? config.cropSize : nil
        guard config.doResize, let filter = ResamplingFilter(pillow: config.resample) else {
            guard let height = crop?.height, let width = crop?.width else { return pixels }
            return pixels.centreCropped(height: height, width: width)
        }
        let (height, width) = size(of: pixels)
        if let cropHeight = crop?.height, let cropWidth = crop?.width {
            return pixels.resized(width: width, height: height, filter: filter, croppedTo: cropHeight, cropWidth)
        }
        guard max(height, width) <= Self.sideLimit else {
            let found = "of \(pixels.width)×\(pixels.height) pixels"
            let expected =
                "less narrow: the model's image processor makes it \(width)×\(height), "
                + "and at most \(Self.sideLimit) a side are allowed"
            throw InvalidRequest([.value(field, found: found, expected: expected)])
        }
        return pixels.resized(width: width, height: height, filter: filter)
    }

    /// The size that images are brought to before they are cropped.
    private func size(of pixels: PixelBatch) -> (height: Int, width: Int) {
        guard let edge = config.size.shortestEdge else { return (config.size.height ?? 1, config.size.width ?? 1) }
        let isUpright = pixels.width <= pixels.height
        let (short, long) = isUpright ? (pixels.width, pixels.height) : (pixels.height, pixels.width)
        let longEdge = edge * long / short
        return isUpright ? (longEdge, edge) : (edge, longEdge)
    }
}
