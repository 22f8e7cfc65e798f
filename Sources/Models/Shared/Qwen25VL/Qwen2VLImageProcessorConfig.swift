package import Diffusion
package import Layers

/// `preprocessor_config.json` of a Qwen2VLProcessor, or the part for images of its `processor_config.json`.
// Source: huggingface/transformers 5.23.0, models/qwen2_vl/image_processing_pil_qwen2_vl.py.
package struct Qwen2VLImageProcessorConfig: ModelConfig {
    /// The fewest and the most pixels of an image.
    package struct Size: Codable, Sendable {
        package var shortestEdge, longestEdge: Int?
    }

    package var doConvertRgb = true
    package var doResize = true
    package var size = Size(shortestEdge: 56 * 56, longestEdge: 28 * 28 * 1280)
    /// Older names of the two numbers of `size`, which they replace.
    package var minPixels, maxPixels: Int?
    package var resample = 3
    package var doRescale = true
    package var rescaleFactor = 1 / 255.0
    package var doNormalize = true
    package var imageMean = [0.48145466, 0.4578275, 0.40821073]
    package var imageStd = [0.26862954, 0.26130258, 0.27577711]
    package var patchSize = 14
    package var temporalPatchSize = 2
    package var mergeSize = 2
    package init() {}

    package static var nestedKey: String? { "image_processor" }

    package static var ignoredKeys: Set<String> {
        ["image_processor_type", "feature_extractor_type", "processor_class", "data_format", "default_to_square"]
    }

    /// What the sides of an image become multiples of, in pixels.
    var granularity: Int { patchSize * mergeSize }

    package func validate() throws(ConfigFault) {
        try requirePositive([
            "patch_size": patchSize, "merge_size": mergeSize, "temporal_patch_size": temporalPatchSize,
        ])
        guard patchSize <= 1024, mergeSize <= 64, temporalPatchSize <= 64 else {
            throw .value("patch_size", found: "\(patchSize)")
        }
        guard doResize else { throw .value("do_resize", found: "false") }
        guard let least = minPixels ?? size.shortestEdge, let most = maxPixels ?? size.longestEdge else {
            throw .unsupported("a size without shortest_edge and longest_edge")
        }
        guard least >= 1, most >= least, most >= granularity * granularity else {
            throw .value("size", found: "\(least) to \(most) pixels")
        }
        guard ResamplingFilter(pillow: resample) != nil else { throw .value("resample", found: "\(resample)") }
        guard imageMean.count == 3, imageStd.count == 3, !imageStd.contains(0) else {
            throw .unsupported("image_mean and image_std that are not three numbers each and no zero")
        }
    }

    /// The longest side over the shortest must be no more.
    private static let mostRatio = 200

    /// The size that an image is brought to: both sides multiples of a cell, and neither too few pixels nor too many.
    ///
    /// - Parameters:
    ///   - width: of the image, in pixels, at least 1
    ///   - height: of the image, in pixels, at least 1
    /// - Returns: the size; nil for an image that is too narrow
    package func size(width: Int, height: Int) -> OutputSize? {
        guard max(width, height) <= Self.mostRatio * min(width, height) else { return nil }
        let cell = Double(granularity)
        let (least, most) = (minPixels ?? size.shortestEdge ?? 1, maxPixels ?? size.longestEdge ?? .max)
        func sides(_ scale: Double, _ rule: FloatingPointRoundingRule) -> OutputSize {
            func side(_ pixels: Int) -> Int { Int((Double(pixels) * scale / cell).rounded(rule)) * granularity }
            return OutputSize(height: side(height), width: side(width))
        }
        let near = sides(1, .toNearestOrEven)
        if near.height * near.width > most {
            let smaller = sides((Double(most) / Double(height * width)).squareRoot(), .down)
            return OutputSize(height: max(granularity, smaller.height), width: max(granularity, smaller.width))
        }
        if near.height * near.width < least {
            return sides((Double(least) / Double(height * width)).squareRoot(), .up)
        }
        return near
    }
}
