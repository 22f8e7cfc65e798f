package import Diffusion

extension Flux2 {
    /// How large a reference image is when it enters the autoencoder.
    // Source: diffusers 0.42.1, pipelines/flux2/pipeline_flux2.py and image_processor.py.
    package struct ReferenceSize: Equatable {
        /// The smallest side, and the longest side over the shortest, that are taken.
        static let (leastSide, mostRatio) = (64, 8)
        /// Larger images are made smaller, in pixels.
        private static let area = 1024 * 1024

        /// What the whole image becomes, in pixels.
        package let width, height: Int
        /// The middle part that is kept.
        package let crop: OutputSize

        /// - Parameters:
        ///   - width: of the image, in pixels
        ///   - height: of the image, in pixels
        ///   - granularity: the side of a token, in pixels
        package init(width: Int, height: Int, granularity: Int) {
            var (width, height) = (width, height)
            if width * height > Self.area {
                let scale = (Double(Self.area) / Double(width * height)).squareRoot()
                (width, height) = (Int(Double(width) * scale), Int(Double(height) * scale))
            }
            (self.width, self.height) = (width, height)
            crop = OutputSize(
                height: height / granularity * granularity, width: width / granularity * granularity)
        }

        /// Whether an image of this size is taken at all.
        package static func takes(width: Int, height: Int) -> Bool {
            min(width, height) >= leastSide && max(width, height) <= mostRatio * min(width, height)
        }
    }
}
