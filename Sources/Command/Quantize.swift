internal import ArgumentParser
internal import Diffusion
internal import Engine
internal import Layers
internal import Tensors

/// `visualgen quantize`.
struct Quantize: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a copy of a model whose transformers' linear layers have fewer bits.",
        discussion:
            "The copy is a model as any other: give its folder to generate and serve. If the work is cut short, "
            + "the same command goes on where it was.")

    @Argument(help: "A checkpoint's folder, a hub id, demo-image or demo-video.")
    var model: String

    @Option(name: [.long, .customLong("quant_algo")], help: "How the layers are quantised.")
    var algo: QuantAlgorithm

    @Option(name: .shortAndLong, help: "The copy's folder, which must not exist.")
    var output: String

    @Option(name: .long, help: "Pattern of the names of layers that stay as they are; may be given again.")
    var ignore: [String] = []

    @OptionGroup var pipeline: PipelineConfigOption

    @Flag(name: .shortAndLong, help: "Show no progress.")
    var quiet = false

    @Flag(
        name: [.long, .customLong("allow-unknown-config")],
        help: "Skip config keys and tensors that this build does not know.")
    var allowUnknown = false

    func validate() throws {
        for pattern in ignore where !QuantizationPlan.isPattern(pattern) {
            throw ValidationError("ignore has \(pattern), which is no pattern")
        }
    }

    func run() async throws {
        let progress = ProgressReporter(quiet: quiet)
        let path = try await ModelLocation.path(of: model)
        let plan = QuantizationPlan(algo, ignoring: ignore)
        let family = try await pipeline.open(path, allowingUnknown: allowUnknown)
        try await LocalWorker(device: .cpu).quantize(family, plan, to: output) { pattern in
            progress.warn("ignore has \(pattern), which is no layer's name")
        } observe: {
            progress.show($0)
        }
        progress.finish([output])
    }
}
