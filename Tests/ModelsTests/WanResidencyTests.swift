import Diffusion
import Layers
import Models
import Synchronization
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct WanResidencyTests {
    private let model: Wan
    private let request: GenerationRequest
    private let forecast: MemoryForecast
    private static let names = ["text_encoder", "transformer", "transformer_2", "vae"]

    init() throws {
        model = try Wan(CheckpointFolder(TinyCheckpoint.path(of: "wan2.2-tiny-i2v-a14b")))
        var request = GenerationRequest(prompts: ["a lake"])
        (request.height, request.width, request.numFrames, request.numInferenceSteps) = (16, 16, 5, 4)
        (request.seeds, request.maxSequenceLength) = ([1], 16)
        request.images = [try RequestImage(golden: "first.png")]
        self.request = try model.resolve(request)
        forecast = try model.memory(of: self.request, PipelineOptions())
    }

    /// The video, and the components that were read for it.
    private func generate(_ request: GenerationRequest, within limit: Int? = nil) throws
        -> (pixels: PixelBatch, read: [String])
    {
        let pipeline = try model.load(PipelineOptions(memoryLimit: limit))
        let read = Mutex<[String]>([])
        let collector = OutputCollector()
        _ = try pipeline.generate(
            request,
            observe: { progress in
                if case .loading(let name) = progress { read.withLock { $0.append(name) } }
            }, trace: nil, deliver: collector.add)
        return (try #require(collector.pixels), read.withLock { $0 })
    }

    @Test func readsEachComponentWhenItIsFirstNeeded() throws {
        #expect(try generate(request).read == ["text_encoder", "vae", "transformer", "transformer_2"])
    }

    @Test func readsNoTransformerThatTakesNoStep() throws {
        var request = request
        request.extra["boundary_ratio"] = .number(0)
        #expect(try generate(request).read == ["text_encoder", "vae", "transformer"])
        request.extra["boundary_ratio"] = .number(1)
        #expect(try generate(request).read == ["text_encoder", "vae", "transformer_2"])
    }

    /// With room for one stage at a time the two transformers are never in memory together, and the video stays as it is.
    @Test func givesTheSameVideoWithinTheLeastMemory() throws {
        #expect(try generate(request, within: forecast.leastPeak).pixels == generate(request).pixels)
        #expect(forecast.leastPeak < forecast.peakKeepingAll)
        let order = ["text_encoder", "vae", "transformer", "transformer_2", "vae"]
        #expect(forecast.stages.map(\.components) == order.map { [$0] })
    }

    @Test func foreseesTheWeightsInTheTypeOfEachComponent() throws {
        #expect(forecast.weights.keys.sorted() == Self.names)
        let half = try model.memory(of: request, PipelineOptions(ComputePlan(dtype: .bfloat16)))
        for name in Self.names {
            let shrinks = name != "vae"
            #expect(
                half.weights[name]?.bytes == forecast.weights[name].map { shrinks ? $0.bytes / 2 : $0.bytes }, "\(name)"
            )
        }
    }

    @Test func foreseesMoreForMoreVideosPixelsFramesAndTokens() throws {
        func peak(_ change: (inout GenerationRequest) -> Void) throws -> Int {
            var changed = request
            change(&changed)
            return try model.memory(of: changed, PipelineOptions()).peakKeepingAll
        }
        let least = try peak { _ in }
        #expect(try peak { $0.height = 512 } > least)
        #expect(try peak { $0.width = 512 } > least)
        #expect(try peak { $0.numFrames = 81 } > least)
        #expect(try peak { $0.numImagesPerPrompt = 9 } > least)
        #expect(try peak { $0.maxSequenceLength = 512 } > least)
        // Tiles need less than a large image.
        #expect(
            try peak { ($0.height, $0.width, $0.extra["vae_tiling"]) = (2048, 2048, .bool(true)) }
                < peak { ($0.height, $0.width) = (2048, 2048) })
    }
}
