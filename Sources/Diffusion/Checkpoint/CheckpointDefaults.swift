internal import Foundation
package import Layers

extension CheckpointFolder {
    /// What a checkpoint may choose for requests that do not say: `_visualgen_defaults` in `model_index.json`.
    package struct Defaults: ModelConfig, Equatable {
        package var height, width, numFrames, numInferenceSteps: Int?
        package var frameRate, guidanceScale: Double?
        package var negativePrompt: String?
        package init() {}

        private static let key = "_visualgen_defaults"

        /// Reads the choices of a whole index.
        ///
        /// - Parameters:
        ///   - index: its keys and values
        ///   - allowingUnknown: whether unknown choices are skipped instead of refused
        /// - Returns: nothing chosen where the index has none
        static func read(inIndex index: [String: Any], allowingUnknown: Bool) throws(ConfigFault) -> Defaults {
            guard let value = index[key], !(value is NSNull) else { return Defaults() }
            guard let values = value as? [String: Any] else { throw .value(key, found: "no object") }
            do {
                return try read(values, allowingUnknown: allowingUnknown).0
            } catch {
                throw error.within(key)
            }
        }

        /// A family's choices with the checkpoint's own in their place.
        ///
        /// - Parameter choices: those of the family; what is nil or empty there is no field of it and stays so
        /// - Returns: the choices
        func replacing(_ choices: GenerationRequest) -> GenerationRequest {
            var result = choices
            if !choices.negativePrompts.isEmpty, let negativePrompt { result.negativePrompts = [negativePrompt] }
            result.height = choices.height.map { height ?? $0 }
            result.width = choices.width.map { width ?? $0 }
            result.numFrames = choices.numFrames.map { numFrames ?? $0 }
            result.frameRate = choices.frameRate.map { frameRate ?? $0 }
            result.numInferenceSteps = choices.numInferenceSteps.map { numInferenceSteps ?? $0 }
            result.guidanceScale = choices.guidanceScale.map { guidanceScale ?? $0 }
            return result
        }

        /// Within what a request may ask for.
        package func validate() throws(ConfigFault) {
            let sides = [("height", height), ("width", width)]
            for (key, side) in sides { try require(key, side, RequestChecks.sides) }
            try require("num_frames", numFrames, RequestChecks.frameCounts)
            try require("num_inference_steps", numInferenceSteps, RequestChecks.stepCounts)
            try require("frame_rate", frameRate, RequestChecks.frameRates)
            try require("guidance_scale", guidanceScale, RequestChecks.guidanceScales)
        }

        private func require<Number: Comparable & Sendable>(
            _ key: String, _ value: Number?, _ range: ClosedRange<Number>
        ) throws(ConfigFault) {
            if let value, !range.contains(value) {
                throw .value(key, found: "\(value) instead of \(range.lowerBound) to \(range.upperBound)")
            }
        }
    }
}
