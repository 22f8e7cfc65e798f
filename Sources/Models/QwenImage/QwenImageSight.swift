internal import Diffusion
internal import Foundation
internal import Layers

extension QwenImage {
    /// How the text encoder sees the images that are to be changed.
    struct Sight {
        /// What the pipeline's classes differ in.
        struct Style {
            /// Whether a request may have more than one image, each of which has a number in the text.
            let takesSeveral: Bool
            /// The area, in pixels, at which the text encoder sees an image.
            let conditionArea: Double

            /// Of the first Qwen-Image-Edit, and of those after it.
            static let (first, plus) = (
                Style(takesSeveral: false, conditionArea: 1024 * 1024),
                Style(takesSeveral: true, conditionArea: 384 * 384)
            )

            /// That of a pipeline's class; nil for text to image.
            init?(pipelineClass name: String) {
                switch name {
                case "QwenImageEditPipeline": self = .first
                case "QwenImageEditPlusPipeline": self = .plus
                default: return nil
                }
            }

            private init(takesSeveral: Bool, conditionArea: Double) {
                (self.takesSeveral, self.conditionArea) = (takesSeveral, conditionArea)
            }
        }

        let style: Style
        /// Of the vision tower.
        let vision: Qwen25VLVisionConfig
        /// The token that stands for a cell of an image.
        let imageToken: Int32
        let processor: Qwen2VLImageProcessor

        /// Reads what `text_encoder/config.json` says of images, and how they are prepared.
        ///
        /// - Throws: ``CheckpointError`` or ``ConfigError``
        init(_ checkpoint: CheckpointFolder, _ style: Style, textEncoderClasses: [String]) throws {
            self.style = style
            let file = "\(try checkpoint.folder("text_encoder", classes: textEncoderClasses))/config.json"
            let config = try JSONFile.object(at: file)
            guard let values = config["vision_config"] as? [String: Any] else {
                throw ConfigError(file: file, fault: .value("vision_config", found: "nothing"))
            }
            do throws(ConfigFault) {
                vision = try Qwen25VLVisionConfig.read(values, allowingUnknown: checkpoint.allowsUnknown).0
            } catch {
                throw ConfigError(file: file, fault: error.within("vision_config"))
            }
            let published = 151_655
            guard let token = Int32(exactly: config["image_token_id"] as? Int ?? published), token >= 0 else {
                throw ConfigError(file: file, fault: .value("image_token_id", found: "no token"))
            }
            imageToken = token

            let folder = try checkpoint.folder("processor", classes: Self.processorClasses)
            // Newer versions write one file for all parts of a processor.
            let names = ["preprocessor_config.json", "processor_config.json"]
            let name = names.first { FileManager.default.fileExists(atPath: "\(folder)/\($0)") } ?? names[0]
            processor = Qwen2VLImageProcessor(
                try Qwen2VLImageProcessorConfig.read("\(folder)/\(name)", allowingUnknown: checkpoint.allowsUnknown).0)
            for (key, size, other) in [
                ("patch_size", processor.config.patchSize, vision.patchSize),
                ("merge_size", processor.config.mergeSize, vision.spatialMergeSize),
                ("temporal_patch_size", processor.config.temporalPatchSize, vision.temporalPatchSize),
            ] where size != other {
                throw ConfigError(
                    file: "\(folder)/\(name)", fault: .misfit(key, size, to: "vision_config of text_encoder", other))
            }
        }

        private static let processorClasses = ["Qwen2VLProcessor", "Qwen2_5_VLProcessor"]
    }
}
