package import Diffusion
package import Layers
package import Tensors

/// A family of videos with sound that nobody has trained: what a family may need, as small as it can be.
///
/// Image and sound go through one transformer beside the text, in a joint attention with grouped heads and a mask;
/// guidance leads away from three branches; a causal decoder encodes the prompt. A latent is a pixel.
package struct FakeFamily: ModelFamily {
    package static let name = "Fake"
    package static let pipelineClasses = ["FakePipeline"]
    package static let modelIDs: [String] = []
    package static let parameters = [
        ParameterSpec("modality_scale", .number(0...10), default: .number(2), "guidance from image and sound apart")
    ]

    /// `config.json` of every component.
    package struct Config: ModelConfig {
        package var hiddenSize = 32
        package init() {}
    }

    package let checkpoint: CheckpointFolder
    let text: Component<Config, TextModel>
    let transformer: Component<Config, Transformer>
    let vae: Component<Config, Decoder>

    package init(_ checkpoint: CheckpointFolder) throws {
        self.checkpoint = checkpoint
        text = try Component("text_encoder", in: checkpoint, classes: ["FakeText"], as: .textEncoder, TextModel.init)
        transformer = try Component("transformer", in: checkpoint, classes: ["DiT"], as: .transformer, Transformer.init)
        vae = try Component("vae", in: checkpoint, classes: ["FakeVAE"], as: .vae, Decoder.init)
    }

    package var components: [any InspectableComponent] { [text, transformer, vae] }
    package var stepCacheTraits: [StepCacheTraits] { [StepCacheTraits(blocks: 3, coefficients: nil)] }

    package var defaults: GenerationRequest {
        var defaults = GenerationRequest(prompts: [])
        (defaults.height, defaults.width, defaults.numFrames, defaults.frameRate) = (8, 12, 5, 8)
        (defaults.numInferenceSteps, defaults.guidanceScale, defaults.maxSequenceLength) = (6, 3, 12)
        return withOwnChoices(defaults)
    }

    package func resolve(_ request: GenerationRequest) throws(InvalidRequest) -> GenerationRequest {
        let resolved = request.filled(from: defaults)
        var checks = RequestChecks(resolved, model: Self.name)
        checks.batch()
        checks.size(atLeast: 8)
        checks.frames()
        checks.steps()
        checks.finiteGuidance()
        checks.sequenceLength(atMost: 64)
        checks.images(first: .refused, last: .refused)
        checks.parameters(Self.parameters)
        try checks.finish()
        return resolved
    }

    package func memoryStages(of request: GenerationRequest, _ options: PipelineOptions) -> [MemoryStage] {
        let memory = RequestMemory(request, options)
        let tokens = MemorySize(request.height ?? 0) * (request.width ?? 0) * (request.numFrames ?? 0)
        let step = memory.outputs * tokens * (tokens * 16 + 8192) + memory.stepCache(tokens: tokens, width: 32)
        return [
            MemoryStage([text.name], activations: memory.prompts(width: 32)),
            MemoryStage([transformer.name], activations: step),
            MemoryStage([vae.name], activations: memory.outputs * tokens * 64),
        ]
    }

    package func open(_ context: ComputeContext) -> any PipelineStages {
        FakePipeline(
            model: self, text: Resident(text, context), transformer: Resident(transformer, context),
            vae: Resident(vae, context))
    }

    /// Attention of four heads that share two of keys and values.
    struct Layer {
        private let query, key, value, out: Linear
        private let norm: RMSNorm
        private let attention: Attention
        init(_ weights: Weights, _ role: AttentionSite.Role, width: Int) throws {
            query = try Linear(weights["q"], from: width, to: width, cut: .output())
            key = try Linear(weights["k"], from: width, to: width / 2, cut: .output())
            value = try Linear(weights["v"], from: width, to: width / 2, cut: .output())
            out = try Linear(weights["o"], from: width, to: width, cut: .input())
            norm = try RMSNorm(weights["norm"], size: width, epsilon: 1e-6)
            attention = Attention(weights, role, heads: 4, keyValueHeads: 2, headWidth: width / 4)
        }

        func callAsFunction(_ x: Tensor, mask: Tensor, attends: Bool = true) throws(TensorError) -> Tensor {
            let normed = try norm(x)
            let y = try attends ? attention(query(normed), key(normed), value(normed), mask: mask) : normed
            return try x + out(y)
        }
    }

    /// A decoder of one layer: causal attention over the bytes of a prompt.
    package struct TextModel {
        private let table: Embedding
        private let layer: Layer
        init(_ weights: Weights, _ config: Config) throws {
            table = try Embedding(weights["embed"], count: 256, width: config.hiddenSize)
            layer = try Layer(weights["layers"][0], .selfAttention, width: config.hiddenSize)
        }

        /// `[1, length, hiddenSize]`; a short prompt is filled up with zeros.
        func callAsFunction(_ prompt: String, length: Int) throws -> Tensor {
            let ids = (prompt.utf8.map(Int32.init) + Array(repeating: 0, count: length)).prefix(length)
            let causal = (0..<length * length).map { $0 % length > $0 / length ? Float(-1e9) : 0 }
            let mask = try Tensor(causal, shape: [1, 1, length, length])
            return try layer(table(Tensor(Array(ids), shape: [1, length])), mask: mask)
        }
    }

    /// From latents to pixels, and from each latent of sound to 500 samples.
    package struct Decoder {
        private let toPixels, toSamples: Linear
        init(_ weights: Weights, _ config: Config) throws {
            toPixels = try Linear(weights["pixels"], from: 3, to: 3)
            toSamples = try Linear(weights["sound"], from: 2, to: 1000)
        }

        func frames(_ latents: Tensor) throws(TensorError) -> Tensor {
            try tanh(toPixels(latents.permuted(0, 2, 3, 4, 1))).permuted(0, 4, 1, 2, 3)
        }

        func sound(_ latents: Tensor) throws(TensorError) -> Tensor {
            try tanh(toSamples(latents.permuted(0, 2, 1))).reshaped(latents.size(0), -1, 2).permuted(0, 2, 1)
        }
    }

    /// Image, sound and text in one sequence.
    package struct Transformer: CacheableTransformer {
        package struct Input {
            /// Image, `[batch, 3, frames, height, width]`, and sound, `[batch, 2, length]`; the prompts' states.
            var latents: [Tensor]
            let prompt: Tensor
            let branch: Guidance.Branch
            var timestep: Float = 0
        }
        package struct State: TransformerState {
            var streams: TokenStreams
            /// Who does not see whom, `[1, 1, tokens, tokens]`.
            var mask: Tensor
            let branch: Guidance.Branch
            let shape: [Int]
            package func tokenStreams() -> [Tensor] { streams.tokens }
            package mutating func add(_ changes: [Tensor]) throws(TensorError) { try streams.add(changes) }
            package mutating func mapTokens(_ map: TokenMap) throws(TensorError) {
                mask = try streams.mapped(mask, axis: 2, map)
                try streams.map { tokens, number throws(TensorError) in try map(tokens, 1, number) }
            }
            package mutating func mapTensors(_ map: (Tensor) throws(TensorError) -> Tensor) throws(TensorError) {
                mask = try map(mask)
                try streams.map { tokens, _ throws(TensorError) in try map(tokens) }
            }
        }

        package let captures = CapturedBlocks<State>()
        private let image, sound, outImage, outSound: Linear
        private let time: TimestepEmbedding
        private let blocks: BlockStore<Layer>
        init(_ weights: Weights, _ config: Config) throws {
            let width = config.hiddenSize
            image = try Linear(weights["image"], from: 3, to: width)
            sound = try Linear(weights["sound"], from: 2, to: width)
            outImage = try Linear(weights["out_image"], from: width, to: 3)
            outSound = try Linear(weights["out_sound"], from: width, to: 2)
            time = try TimestepEmbedding(weights["time"], from: 16, to: width)
            blocks = try BlockStore(3, of: weights) { try Layer(weights["blocks"][$0], .joint, width: width) }
        }
        package var blockCount: Int { blocks.count }

        package func begin(_ input: Input) throws(TensorError) -> State {
            let (latents, batch) = (input.latents[0], input.latents[0].size(0))
            let time = try time(timestepSinusoids([input.timestep], width: 16, on: latents.device)).unsqueezed(1)
            let pixels = try latents.reshaped(batch, 3, -1).permuted(0, 2, 1)
            let tones = try sound(input.latents[1].permuted(0, 2, 1))
            let streams = [try image(pixels) + time, try tones + time, input.prompt]
            let kinds = streams.indices.flatMap { Array(repeating: $0, count: streams[$0].size(1)) }
            // Image and sound do not see each other where they are kept apart.
            let isApart = input.branch == .isolated
            let hidden = kinds.flatMap { query in kinds.map { isApart && query + $0 == 1 ? Float(-1e9) : 0 } }
            let mask = try Tensor(hidden, shape: [1, 1, kinds.count, kinds.count])
            return State(streams: TokenStreams(streams), mask: mask, branch: input.branch, shape: latents.shape)
        }
        package func block(_ index: Int, _ state: inout State) throws(TensorError) {
            let attends = state.branch != .perturbed || index != 1
            try state.streams.replace(by: blocks[index](state.streams.joined(), mask: state.mask, attends: attends))
        }
        package func finish(_ state: consuming State) throws(TensorError) -> [Tensor] {
            let sound = try outSound(state.streams[1]).permuted(0, 2, 1)
            return [try outImage(state.streams[0]).permuted(0, 2, 1).reshaped(state.shape), sound]
        }
        package func teaCacheSignal(_ state: State, _ variant: TeaCacheVariant) -> Tensor { state.streams[0] }
    }
}

/// From prompts to videos with sound.
struct FakePipeline: PipelineStages {
    let model: FakeFamily
    let text: Resident<FakeFamily.Config, FakeFamily.TextModel>
    let transformer: Resident<FakeFamily.Config, FakeFamily.Transformer>
    let vae: Resident<FakeFamily.Config, FakeFamily.Decoder>
    var components: [any ResidentComponent] { [text, vae, transformer] }

    func stages(of request: GenerationRequest, _ run: RunEnvironment) throws -> [RunStage] {
        let memory = model.memoryStages(of: request, run.options)
        let scale = request.extra["modality_scale"]?.number
        let guidance = Guidance(negative: request.guidanceScale, perturbed: 1, isolated: scale, in: .denoised)
        let (scheduler, count) = (FlowMatchEuler(), request.numInferenceSteps ?? 1)
        let schedule = scheduler.schedule(sigmas: linspace(1, 1 / Double(count), count))
        let loop = try DenoisingLoop(scheduler, schedule, for: request, run)
        let steps = TransformerSteps(transformer, steps: 0..<loop.count, run.stepCaches)
        let frames = request.numFrames ?? 1
        var prompts: [Tensor] = []
        return [
            RunStage(memory[0]) { times in
                run.observe(.encodingText)
                let (model, length) = (try text(), request.maxSequenceLength ?? 1)
                let negatives = request.prompts.map { _ in request.negativePrompts.first ?? "" }
                prompts = try guidance.branches.map { branch in
                    let texts = branch == .negative ? negatives : request.prompts
                    let states = try texts.map { try model($0, length: length) }
                    return try concatenate(states, axis: 0).repeated(request.numImagesPerPrompt, axis: 0)
                }
                let noise = try loop.drawNoise([3, frames, request.height ?? 0, request.width ?? 0])
                try loop.begin([noise, loop.drawNoise([2, 2 * frames], number: 1)])
            },
            RunStage.stepwise(memory[1]) { times in
                try steps.step(of: loop, [guidance, guidance], times: &times) { _ in
                    zip(prompts, guidance.branches).map { .init(latents: loop.latents, prompt: $0, branch: $1) }
                } update: { inputs, latents, step in
                    for i in inputs.indices { (inputs[i].latents, inputs[i].timestep) = (latents, step.timestep) }
                }
            },
            RunStage.decoding(memory[2]) { times in
                run.observe(.decoding)
                let (vae, image) = (try vae(), loop.latents[0])
                let sound = try vae.sound(loop.latents[1]).to(.float32)
                let shape = SoundShape(count: request.outputCount, channels: 2, samples: sound.size(2), rate: 8000)
                try run.deliver(.sound(SoundPart(shape, samples: sound.floats())))
                for index in 0..<frames {
                    let frame = try vae.frames(image.slice(index..<index + 1, axis: 2))
                    try run.deliver(.pixels(PixelPart(frames: frame, from: index, of: frames)))
                }
            },
        ]
    }
}
