internal import Files

/// Checks a request field by field, and keeps every problem.
package struct RequestChecks {
    /// No batch is larger: what one call may ask for, not what fits into memory.
    private static let mostOutputs = 1024
    /// The sides of an image, in pixels.
    static let sides = 1...16384
    /// The lengths of a video, in frames.
    static let frameCounts = 1...100_000
    /// Frames a second.
    static let frameRates = 0.1...1000
    /// The numbers of steps: no schedule is longer than the one models are trained with.
    package static let stepCounts = 1...1000
    /// Scales that arithmetic survives.
    package static let guidanceScales = 0.0...1000

    private let request: GenerationRequest
    private let model: String
    /// In the order of the checks.
    package private(set) var problems: [RequestError] = []

    /// - Parameters:
    ///   - request: what is checked
    ///   - model: the family's name
    package init(_ request: GenerationRequest, model: String) { (self.request, self.model) = (request, model) }

    /// Ends the checks.
    ///
    /// - Throws: ``InvalidRequest`` if there was any problem
    package func finish() throws(InvalidRequest) {
        if !problems.isEmpty { throw InvalidRequest(problems) }
    }

    /// Prompts, negative prompts, images for each prompt, and seeds.
    package mutating func batch() {
        if request.prompts.isEmpty { problems.append(.missing("prompt")) }
        let (outputs, overflow) = request.prompts.count.multipliedReportingOverflow(by: request.numImagesPerPrompt)
        guard request.numImagesPerPrompt >= 1, !overflow, outputs <= Self.mostOutputs else {
            return refuse(
                "num_images_per_prompt", request.numImagesPerPrompt,
                "at least 1, with at most \(Self.mostOutputs) images in all")
        }
        if !request.negativePrompts.isEmpty {
            oneForEachPrompt("negative_prompt", count: request.negativePrompts.count)
        }
        if !request.seeds.isEmpty {
            count("seed", request.seeds.count, oneOf: [1, request.prompts.count, outputs])
        }
    }

    /// A field that has one value for all prompts or one for each.
    ///
    /// - Parameters:
    ///   - field: its name
    ///   - count: how many values it has
    package mutating func oneForEachPrompt(_ field: String, count: Int) {
        self.count(field, count, oneOf: [1, request.prompts.count])
    }

    /// Height and width.
    ///
    /// - Parameter least: the smallest side that gives a latent
    package mutating func size(atLeast least: Int) {
        for (field, size) in [("height", request.height), ("width", request.width)] {
            if let size, size < least || size > Self.sides.upperBound {
                refuse(field, size, "from \(least) to \(Self.sides.upperBound) pixels")
            }
        }
    }

    /// The number of steps.
    package mutating func steps() {
        if let steps = request.numInferenceSteps, !Self.stepCounts.contains(steps) {
            refuse("num_inference_steps", steps, "from 1 to \(Self.stepCounts.upperBound)")
        }
    }

    /// That the guidance is a number that arithmetic survives.
    package mutating func finiteGuidance() {
        if let scale = request.guidanceScale, !Self.guidanceScales.contains(scale) {
            refuse("guidance_scale", scale, "from 0 to 1000")
        }
    }

    /// The length of texts in tokens.
    ///
    /// - Parameter most: the longest
    package mutating func sequenceLength(atMost most: Int) {
        if let length = request.maxSequenceLength, !(1...most).contains(length) {
            refuse("max_sequence_length", length, "from 1 to \(most)")
        }
    }

    /// That nothing asks a model of images for a video.
    package mutating func noFrames() {
        for (field, isGiven) in [("num_frames", request.numFrames != nil), ("frame_rate", request.frameRate != nil)]
        where isGiven {
            notForModel(field)
        }
    }

    /// The length and the speed of a video.
    package mutating func frames() {
        if let frames = request.numFrames, !Self.frameCounts.contains(frames) {
            refuse("num_frames", frames, "from 1 to \(Self.frameCounts.upperBound)")
        }
        if let rate = request.frameRate, !Self.frameRates.contains(rate) {
            refuse("frame_rate", rate, "from 0.1 to 1000 frames a second")
        }
    }

    /// Whether a model takes something.
    package enum Need: Sendable { case refused, optional, required }

    /// The images that the output begins with or is made from, and that a video ends with.
    ///
    /// - Parameters:
    ///   - first: whether the model takes any to begin with, for the whole batch
    ///   - last: whether it takes one to end with
    ///   - takesSeveral: whether there may be more than one to begin with
    package mutating func images(first: Need, last: Need, takesSeveral: Bool = false) {
        if !request.images.isEmpty, first != .refused, !takesSeveral {
            count("image", request.images.count, oneOf: [1])
        }
        image("image", isGiven: !request.images.isEmpty, first)
        image("last_image", isGiven: request.lastImage != nil, last)
    }

    private mutating func image(_ field: String, isGiven: Bool, _ need: Need) {
        if need == .refused, isGiven { notForModel(field) }
        if need == .required, !isGiven { problems.append(.missing(field)) }
    }

    /// A field that this model has no use for.
    ///
    /// - Parameter field: its name
    package mutating func notForModel(_ field: String) {
        problems.append(.notForModel(field, model: model, known: [], nearest: nil))
    }

    /// The family's own parameters.
    ///
    /// - Parameter specs: what the family knows
    package mutating func parameters(_ specs: [ParameterSpec]) {
        let known = specs.map(\.name)
        let fields = GenerationRequest.commonFields
        var unknown = 0
        for (name, value) in request.extra.sorted(by: { $0.key < $1.key }) {
            if let spec = specs.first(where: { $0.name == name }) {
                if let problem = spec.problem(with: value) { problems.append(problem) }
            } else {
                unknown += 1
                // A message has room for the first ones only.
                let isTold = unknown <= MessageLimit.items
                let nearest = !isTold || fields.contains(name) ? nil : name.nearest(of: known + fields)
                problems.append(.notForModel(name, model: model, known: known, nearest: nearest))
            }
        }
    }

    /// A value that cannot be used.
    ///
    /// - Parameters:
    ///   - field: the field's name
    ///   - found: its value
    ///   - expected: what it must be
    package mutating func refuse(_ field: String, _ found: some CustomStringConvertible, _ expected: String) {
        problems.append(.value(field, found: "\(found)", expected: expected))
    }

    private mutating func count(_ field: String, _ found: Int, oneOf counts: Set<Int>) {
        // Without prompts, which is a problem of its own, any count would be wrong.
        if !counts.contains(found), !request.prompts.isEmpty {
            problems.append(.count(field, found: found, expected: counts.sorted()))
        }
    }
}
