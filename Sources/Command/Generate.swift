internal import ArgumentParser
internal import Diffusion
internal import Engine
internal import Foundation
internal import Glibc
internal import Layers
internal import Media
internal import Models
internal import VisualGen

/// `visualgen generate`.
struct Generate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Make images or videos from prompts.")

    @OptionGroup var model: ModelOptions
    @OptionGroup var generation: GenerationOptions

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "Output file. Default: output.png, or output.mp4 for a video.",
            discussion: """
                Images end in .png, .jpg or .webp; videos in .mp4, .webm, .webp, .gif or .avi, in / for a folder of \
                PNG files, or in .png with %d or %05d for their numbers. A video of one frame may also be an image. Of \
                several images or videos %d is the number; without it a.png becomes a-0.png, a-1.png, ...
                """))
    var output: String?

    @Option(
        name: .long, parsing: .unconditional,
        help: "The quality of an MP4 (0 to 51, 18 if absent) or a WebM (0 to 63, 24 if absent); lower is better.")
    var crf: Int?

    @Flag(name: .long, help: "Writes the sound beside each video too, as a WAV file of its name.")
    var wav = false

    @Option(name: .long, help: "Writes how long each stage took, and the peak memory, as JSON.")
    var metrics: String?

    @Option(name: .long, help: "Writes every intermediate result as safetensors.")
    var trace: String?

    @Option(name: .long, help: "Writes which operations ran when, as JSON for viewers of Chrome's traces.")
    var profile: String?

    @Flag(name: .long, help: "No progress.")
    var quiet = false

    func run() async throws {
        try await Interruption.cancelling { try await generate() }
    }

    private func generate() async throws {
        let arguments = try model.arguments()
        let progress = ProgressReporter(quiet: quiet)
        progress.warn(ModelOptions.note(on: arguments))
        let path = try await ModelLocation.path(
            of: arguments.model, revision: arguments.revision, observe: progress.observeDownload)
        let all = try await arguments.worker(at: path).locatingSources(observe: progress.observeDownload)
        try await RankProgram.runIfLaunched(all)
        let opened = try all.open()
        let problems = arguments.problems(of: opened)
        guard problems.isEmpty else { throw ConfigurationError(problems, file: model.config) }
        for note in try arguments.notes(on: opened) { progress.warn(note) }
        var asked = try generation.request()
        asked.numFrames = OutputFormat.frames(asked.numFrames, savingTo: output, opened.imageDefaults)
        let team = try RankTeam.assemble(all) { loss in
            StandardError.write("visualgen: \(loss)\n")
            _exit(ExitStatus(of: loss).rawValue)
        }
        defer { team?.close() }
        let configuration = team?.own ?? all
        var options = configuration.options
        let worker = LocalWorker(device: options.plan.device, threads: configuration.threads, team: team)
        let deviceMemory = try await worker.deviceMemory()
        options.memoryLimit = options.memoryLimit ?? deviceMemory
        let admission = try Admission(opened, options, checker: arguments.checker)
        let admitted = try admission.admit(asked)
        let request = admitted.request
        let outputs = try OutputPaths(
            output, for: request, crf: crf, asksForSound: asked.extra["enable_audio"]?.flag == true, wav: wav)
        for path in [metrics, trace, profile].compactMap({ $0 }) { try OutputError.check(path) }
        progress.warn(Adjustments(asked, request).description)
        for note in admitted.notes { progress.warn("\(note)") }
        var times = Metrics()
        try await admission.guardrail.checkPrompts(of: request)
        times.predictedPeakMemory = admitted.forecast?.peak(within: options.memoryLimit) ?? 0

        try await times.measure(\.load) {
            try await worker.load(opened, options, observe: progress.observe)
        }
        let (dtype, compute) = (options.plan.dtype, ComputeSettings(arguments))
        let output = outputs.writer { image in
            Recipe(request, model: arguments.model, dtype: dtype, compute, image: image)
        }
        defer { output.abandon() }
        let record = profile.map(ProfileRecord.init)
        defer { record?.remove() }
        let sample = admission.guardrail.sample(of: request)
        let result = try await make(request, by: worker, profile: record?.file, into: output, sample, progress)
        team?.close()
        try await admission.guardrail.check(sample, of: request)
        // Frames were encoded as they were decoded; only the end of the file is left to write.
        var stages = result.times
        stages.decode = max(stages.decode - output.seconds, 0)
        try output.finish()
        times.encode = output.seconds
        progress.finish(outputs.paths + outputs.soundPaths)
        if let trace { try TraceFile.write(result.trace, to: trace) }
        try record?.finish()
        if let metrics { try times.write(stages, to: metrics) }
    }

    private func make(
        _ request: GenerationRequest, by worker: LocalWorker, profile: String?, into output: OutputWriter,
        _ sample: OutputSample?, _ progress: ProgressReporter
    ) async throws -> (times: StageTimes, trace: [Trace.Entry]) {
        let result = try await withTaskCancellationHandler {
            try await worker.generate(
                request, tracing: trace != nil, profile: profile, observe: progress.observe
            ) { part in
                progress.show(part)
                try sample?.add(part)
                try output.deliver(part)
            }
        } onCancel: {
            // Before the process may be ended, whatever the pipeline is doing.
            output.abandon()
        }
        try Task.checkCancellation()
        return result
    }
}
