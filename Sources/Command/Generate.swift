internal import ArgumentParser
internal import Diffusion
internal import Engine
internal import Foundation
internal import Media
internal import Models
internal import VisualGen

/// `visualgen generate`.
struct Generate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Make pictures from prompts.")

    @OptionGroup var model: ModelOptions
    @OptionGroup var generation: GenerationOptions

    @Option(name: .long, help: "Where the picture goes; .png, .jpg or .webp. %d is a picture's number.")
    var output: String = "output.png"

    @Option(name: .long, help: "Writes how long each stage took, and the peak memory, as JSON.")
    var metrics: String?

    @Option(name: .long, help: "Writes every intermediate result as safetensors.")
    var trace: String?

    @Flag(name: .long, help: "No progress.")
    var quiet = false

    func run() async throws {
        try await Interruption.cancelling { try await generate() }
    }

    private func generate() async throws {
        let arguments = try model.arguments()
        let progress = ProgressReporter(quiet: quiet)
        let path = try await ModelLocation.path(
            of: arguments.model, revision: arguments.revision, observe: progress.observeDownload)
        let configuration = arguments.worker(at: path)
        let checkpoint = try configuration.checkpoint()
        let family = try Catalog.family(of: checkpoint)
        let request = try family.resolve(generation.request(), for: checkpoint)
        let forecast = try family.memory(of: request, for: checkpoint, plan: configuration.plan)
        try forecast.require(configuration.memoryLimit)
        let outputs = try OutputPaths(output, count: request.outputCount)
        for path in [metrics, trace].compactMap({ $0 }) { try OutputError.check(path) }
        let worker = LocalWorker(device: configuration.device, threads: configuration.threads)
        var times = Metrics()
        times.predictedPeakMemory = forecast.peak(within: configuration.memoryLimit)

        try await times.measure(\.load) {
            try await worker.load(
                checkpoint, dtype: configuration.dtype, memoryLimit: configuration.memoryLimit,
                observe: progress.observe)
        }
        let result = try await worker.generate(request, tracing: trace != nil, observe: progress.observe)
        try Task.checkCancellation()
        try times.measure(\.encode) {
            for (index, path) in outputs.paths.enumerated() {
                let image = try Image(
                    width: result.pixels.shape.width, height: result.pixels.shape.height,
                    pixels: result.pixels.item(index))
                let recipe = Recipe(request, model: arguments.model, dtype: configuration.dtype, picture: index)
                try image.write(to: path, as: Self.encoding(of: path, recipe))
            }
        }
        progress.finish(outputs.paths)
        if let trace { try TraceFile.write(result.trace, to: trace) }
        if let metrics { try times.write(result.times, to: metrics) }
    }

    /// What the extension asks for; a PNG also carries how it was made.
    private static func encoding(of path: String, _ recipe: Recipe) throws -> ImageEncoding {
        let format = try ImageFormat(path: path)
        return format == .png ? .png(text: recipe.texts) : ImageEncoding(format)
    }
}
