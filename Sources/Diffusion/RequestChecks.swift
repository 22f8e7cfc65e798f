internal import Glibc

// What families check of a request, field by field.

extension GenerationRequest {
    /// No batch is larger: what one call may ask for, not what fits into memory.
    private static let mostOutputs = 1024
    /// The longest side of a picture, in pixels.
    private static let longestSide = 16384
    /// No schedule is longer than the one models are trained with.
    private static let mostSteps = 1000

    /// Checks prompts, negative prompts, pictures for each prompt, and seeds.
    ///
    /// - Throws: ``RequestError``
    package func requireBatch() throws(RequestError) {
        if prompts.isEmpty { throw .missing("prompt") }
        guard (1...Self.mostOutputs).contains(numImagesPerPrompt), outputCount <= Self.mostOutputs else {
            throw .value(
                "num_images_per_prompt", found: "\(numImagesPerPrompt)",
                expected: "at least 1, with at most \(Self.mostOutputs) pictures in all")
        }
        if !negativePrompts.isEmpty {
            try requireOneForEachPrompt("negative_prompt", count: negativePrompts.count)
        }
        let counts = [1, prompts.count, outputCount]
        if !seeds.isEmpty, !counts.contains(seeds.count) {
            throw .count("seed", found: seeds.count, expected: Set(counts).sorted())
        }
    }

    /// Checks that a field has one value for all prompts or one for each.
    ///
    /// - Parameters:
    ///   - field: its name
    ///   - count: how many values it has
    /// - Throws: ``RequestError``
    package func requireOneForEachPrompt(_ field: String, count: Int) throws(RequestError) {
        if count != 1, count != prompts.count {
            throw .count(field, found: count, expected: Set([1, prompts.count]).sorted())
        }
    }

    /// Checks height and width.
    ///
    /// - Parameter least: the smallest side that gives a latent
    /// - Throws: ``RequestError``
    package func requireSize(atLeast least: Int) throws(RequestError) {
        for (field, size) in [("height", height), ("width", width)] {
            if let size, !(least...Self.longestSide).contains(size) {
                throw .value(field, found: "\(size)", expected: "from \(least) to \(Self.longestSide) pixels")
            }
        }
    }

    /// Checks that the largest activations fit into the machine, once batch and size have been checked.
    ///
    /// - Parameter bytesOfPixel: what decoding holds at once for each pixel
    /// - Throws: ``RequestError/memory(needed:available:)``
    package func requireMemory(bytesOfPixel: Int) throws(RequestError) {
        let pixels = outputCount * (height ?? 0) * (width ?? 0)
        let (product, overflows) = pixels.multipliedReportingOverflow(by: bytesOfPixel)
        let needed = overflows ? Int.max : product
        let available = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
        if needed > available { throw .memory(needed: needed, available: available) }
    }

    /// Checks the number of steps.
    ///
    /// - Throws: ``RequestError``
    package func requireSteps() throws(RequestError) {
        if let steps = numInferenceSteps, !(1...Self.mostSteps).contains(steps) {
            throw .value("num_inference_steps", found: "\(steps)", expected: "from 1 to \(Self.mostSteps)")
        }
    }

    /// Checks that the guidance is a number that arithmetic survives.
    ///
    /// - Throws: ``RequestError``
    package func requireFiniteGuidance() throws(RequestError) {
        if let scale = guidanceScale, !(0...1000).contains(scale) {
            throw .value("guidance_scale", found: "\(scale)", expected: "from 0 to 1000")
        }
    }

    /// Checks the length of texts in tokens.
    ///
    /// - Parameter most: the longest
    /// - Throws: ``RequestError``
    package func requireSequenceLength(atMost most: Int) throws(RequestError) {
        if let length = maxSequenceLength, !(1...most).contains(length) {
            throw .value("max_sequence_length", found: "\(length)", expected: "from 1 to \(most)")
        }
    }

    /// Checks that nothing asks a model of pictures for a video.
    ///
    /// - Parameter model: the family's name
    /// - Throws: ``RequestError``
    package func requireNoFrames(model: String) throws(RequestError) {
        if numFrames != nil { throw .notForModel("num_frames", model: model, known: []) }
        if frameRate != nil { throw .notForModel("frame_rate", model: model, known: []) }
    }

    /// Checks the family's own parameters.
    ///
    /// - Parameters:
    ///   - specs: what the family knows
    ///   - model: its name
    /// - Throws: ``RequestError``
    package func requireParameters(_ specs: [ParameterSpec], model: String) throws(RequestError) {
        for (name, value) in extra.sorted(by: { $0.key < $1.key }) {
            guard let spec = specs.first(where: { $0.name == name }) else {
                throw .notForModel(name, model: model, known: specs.map(\.name))
            }
            try spec.check(value)
        }
    }
}
