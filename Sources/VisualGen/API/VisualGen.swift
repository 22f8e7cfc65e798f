internal import Diffusion
internal import Engine
internal import Foundation
internal import Layers
internal import Models
internal import Synchronization
internal import Tensors

/// A diffusion transformer, ready to draw.
///
/// ```swift
/// let engine = try await VisualGen(model: "demo-image")
/// let output = try await engine.generate("a large red circle on a yellow background")
/// try output.save("circle.png")
/// await engine.shutdown()
/// ```
///
/// Requests are served one after the other, in the order in which they come; every prompt of a list is computed by
/// itself, so that what comes of it never depends on the others.
public final class VisualGen: Sendable {
    private let model: String
    private let dtype: DType
    private let compute: ComputeSettings
    /// What of the configuration has no effect on this model, and that no guardrail is asked where the model's reference has
    /// one; a sentence for each.
    public let warnings: [String]
    private let worker: any Worker
    private let admission: Admission
    private let offer: ModelOffer
    private let nextRequest = Mutex(0)

    /// Finds a model, downloading it if need be, starts the workers, loads and warms up.
    ///
    /// - Parameters:
    ///   - model: a folder, a hub id or a built-in model's name; `args.model` if nil
    ///   - args: the configuration
    ///   - observe: told what is downloaded and loaded
    /// - Throws: ``ConfigurationError`` with everything that is wrong with the configuration, ``VisualGenError``, or
    ///   `CancellationError`
    public init(
        model: String? = nil, args: VisualGenArgs = VisualGenArgs(),
        observe: @escaping @Sendable (VisualGenProgress) -> Void = { _ in }
    ) async throws {
        var args = args
        args.model = model ?? args.model
        try args.validate()
        let environment = ProcessInfo.processInfo.environment
        let launch = args.launchProblems(environment)
        try Self.require(args.model.isEmpty ? [ConfigProblem("model", "is needed")] : args.unavailable() + launch)
        do {
            try Self.require(args.cardProblems(environment))
            let path = try await ModelLocation.path(of: args.model, revision: args.revision) {
                observe(VisualGenProgress($0))
            }
            let configuration = try await args.worker(at: path).locatingSources { observe(VisualGenProgress($0)) }
            // A process that torchrun or SLURM started as another rank than the first works for that one.
            try await RankProgram.runIfLaunched(configuration)
            (self.model, dtype, compute) = (args.model, configuration.options.plan.dtype, ComputeSettings(args))
            let model = try configuration.open()
            try Self.require(args.problems(of: model))
            warnings = try args.notes(on: model)
            worker = try args.makeWorkers([configuration])
            offer = try await worker.start { VisualGenProgress(item: 0, $0).map(observe) }
            var options = configuration.options
            options.memoryLimit = options.memoryLimit ?? offer.deviceMemory
            admission = try Admission(model, options, checker: args.checker)
        } catch let error as ConfigurationError {
            throw error
        } catch let error as CancellationError {
            throw error
        } catch {
            throw VisualGenError(error)
        }
    }

    deinit {
        Task { [worker] in await worker.close() }
    }

    /// Ends the workers: what they are doing fails.
    ///
    /// It need not be called before the program ends.
    public func shutdown() async { await worker.close() }

    /// This model's own choices.
    public var defaultParams: VisualGenParams { VisualGenParams(offer.defaults) }

    /// The parameters that only this model has, by name.
    public var extraParamSpecs: [String: ExtraParamSpec] {
        Dictionary(uniqueKeysWithValues: offer.parameters.map { ($0.name, ExtraParamSpec($0)) })
    }

    /// Seconds that loading and warming up took, and the warm-up sizes that this model cannot make.
    public var startup: (load: Double, warmUp: Double, skippedSizes: [String]) {
        (offer.loadSeconds, offer.warmUpSeconds, offer.skippedSizes)
    }

    /// Draws what a prompt says.
    ///
    /// - Parameters:
    ///   - prompt: what the image shows
    ///   - params: what else is asked for; nil is the model's choice throughout
    /// - Returns: the images
    /// - Throws: ``VisualGenError``, or `CancellationError` within one step of the task's cancellation
    public func generate(_ prompt: String, params: VisualGenParams? = nil) async throws -> VisualGenOutput {
        let result = try generateAsync(prompt, params: params)
        return try await withTaskCancellationHandler {
            try await result.value
        } onCancel: {
            result.cancel()
        }
    }

    /// Draws what a prompt says into files, without keeping it in memory: each frame of a video is encoded as soon as it
    /// is there.
    ///
    /// - Parameters:
    ///   - prompt: what the image shows
    ///   - params: what else is asked for; nil is the model's choice throughout, but one frame of a model that makes images
    ///     besides videos where the path or the format can only be an image's
    ///   - path: as for ``VisualGenOutput/save(_:format:frameRate:quality:crf:)``, and so are the others
    /// - Returns: the files' ``VisualGenOutput/paths``; no images or videos
    /// - Throws: ``VisualGenError``, for a bad path before anything is computed, or `CancellationError` within one step of
    ///   the task's cancellation; then nothing is left of the files
    public func generate(
        _ prompt: String, params: VisualGenParams? = nil, savingTo path: String, format: String? = nil,
        frameRate: Double? = nil, quality: Int = 95, crf: Int? = nil
    ) async throws -> VisualGenOutput {
        let result = try generateAsync(
            prompt, params: params, savingTo: path, format: format, frameRate: frameRate, quality: quality, crf: crf)
        return try await withTaskCancellationHandler {
            try await result.value
        } onCancel: {
            result.cancel()
        }
    }

    /// Draws what each prompt of a list says.
    ///
    /// - Parameters:
    ///   - prompts: at least one
    ///   - params: for all of them; a seed is then every prompt's own
    /// - Returns: an output for each prompt, in their order; one that failed tells its error
    /// - Throws: ``VisualGenError/invalidParameters(_:)``, or `CancellationError`
    public func generate(_ prompts: [String], params: VisualGenParams? = nil) async throws -> [VisualGenOutput] {
        try await generate(prompts, params: prompts.map { _ in params ?? VisualGenParams() })
    }

    /// Draws what each prompt of a list says, each with its own parameters.
    ///
    /// - Parameters:
    ///   - prompts: at least one
    ///   - params: one for each prompt
    /// - Returns: an output for each prompt, in their order; one that failed tells its error
    /// - Throws: ``VisualGenError/invalidParameters(_:)``, or `CancellationError`
    public func generate(_ prompts: [String], params: [VisualGenParams]) async throws -> [VisualGenOutput] {
        let result = try generateAsync(prompts, params: params)
        return try await withTaskCancellationHandler {
            try await result.value
        } onCancel: {
            result.cancel()
        }
    }

    /// Begins to draw what a prompt says.
    ///
    /// - Parameters:
    ///   - prompt: what the image shows
    ///   - params: what else is asked for; nil is the model's choice throughout
    /// - Returns: the result, to be awaited, watched or called off
    /// - Throws: ``VisualGenError/invalidParameters(_:)`` with every problem
    public func generateAsync(_ prompt: String, params: VisualGenParams? = nil) throws(VisualGenError)
        -> VisualGenResult<VisualGenOutput>
    {
        let requests = try resolve([prompt], [params ?? VisualGenParams()])
        let id = takeNumber()
        return VisualGenResult { [self] tell in try await output(id, 0, requests[0], tell) }
    }

    /// Begins to draw what a prompt says into files, without keeping it in memory.
    ///
    /// - Parameters:
    ///   - prompt: what the image shows
    ///   - params: what else is asked for; nil is the model's choice throughout, but one frame of a model that makes images
    ///     besides videos where the path or the format can only be an image's
    ///   - path: as for ``VisualGenOutput/save(_:format:frameRate:quality:crf:)``, and so are the others
    /// - Returns: the result, to be awaited, watched or called off
    /// - Throws: ``VisualGenError`` with every problem, of the path too
    public func generateAsync(
        _ prompt: String, params: VisualGenParams? = nil, savingTo path: String, format: String? = nil,
        frameRate: Double? = nil, quality: Int = 95, crf: Int? = nil
    ) throws(VisualGenError) -> VisualGenResult<VisualGenOutput> {
        var params = params ?? VisualGenParams()
        params.numFrames = OutputFormat.frames(params.numFrames, savingTo: path, format: format, offer.imageDefaults)
        let admitted = try resolve([prompt], [params])[0]
        let request = admitted.request
        let options = SaveOptions(path: path, format: format, frameRate: frameRate, quality: quality, crf: crf)
        let files: (paths: [String], encoding: OutputEncoding)
        do {
            files = try options.files(
                request.outputCount, frames: request.numFrames, ownRate: request.frameRate ?? 0)
        } catch {
            throw VisualGenError(error)
        }
        let id = takeNumber()
        let writer = OutputWriter(
            files.paths.enumerated().map { OutputWriter.File($1, recipe(of: request, $0)) }, as: files.encoding)
        return VisualGenResult { [self] tell in
            try await Self.translating {
                defer { writer.abandon() }
                let times = try await make(request, item: 0, tell, deliver: writer.deliver)
                try writer.finish()
                return VisualGenOutput(id, request, admitted.notes, times, paths: files.paths)
            }
        }
    }

    /// Begins to draw what each prompt of a list says.
    ///
    /// - Parameters:
    ///   - prompts: at least one
    ///   - params: one for each prompt
    /// - Returns: the result, to be awaited, watched or called off
    /// - Throws: ``VisualGenError/invalidParameters(_:)`` with every problem
    public func generateAsync(_ prompts: [String], params: [VisualGenParams]) throws(VisualGenError)
        -> VisualGenResult<[VisualGenOutput]>
    {
        let requests = try resolve(prompts, params)
        let id = takeNumber()
        return VisualGenResult { [self] tell in
            var outputs: [VisualGenOutput] = []
            for (item, request) in requests.enumerated() {
                do {
                    outputs.append(try await output(id, item, request, tell))
                } catch let error as VisualGenError {
                    outputs.append(VisualGenOutput(id, request.request, request.notes, error))
                }
            }
            return outputs
        }
    }

    /// The published models that this build runs, as the hub names them, and the built-in ones.
    ///
    /// - Returns: their names, sorted
    public static func supportedModels() -> [String] { Catalog.families.flatMap { $0.modelIDs }.sorted() }

    /// The settings of `pipeline_config` that a model has, with their defaults.
    ///
    /// - Parameter model: a hub id, a pipeline's class as in `model_index.json`, or a folder
    /// - Returns: values by name; empty if it has none
    /// - Throws: ``VisualGenError/model(_:)`` where no family of this build runs the model
    public static func pipelineConfig(for model: String) throws(VisualGenError) -> [String: ConfigValue] {
        for family in Catalog.families where family.modelIDs.contains(model) || family.pipelineClasses.contains(model) {
            return family.pipelineConfig.mapValues(ConfigValue.init)
        }
        do {
            return try Catalog.family(of: Catalog.checkpoint(at: model)).pipelineConfig.mapValues(ConfigValue.init)
        } catch {
            throw VisualGenError(error)
        }
    }

    private static func require(_ problems: [ConfigProblem]) throws(ConfigurationError) {
        if !problems.isEmpty { throw ConfigurationError(problems) }
    }

    private func takeNumber() -> Int {
        nextRequest.withLock { number in
            defer { number += 1 }
            return number
        }
    }

    /// Fills in the model's own choices and checks every prompt's parameters before anything is begun.
    private func resolve(_ prompts: [String], _ params: [VisualGenParams]) throws(VisualGenError)
        -> [AdmittedRequest]
    {
        guard !prompts.isEmpty else { throw .invalidParameters(["prompt is needed"]) }
        guard params.count == prompts.count else {
            throw .invalidParameters(["\(params.count) params were given for \(prompts.count) prompts"])
        }
        var requests: [AdmittedRequest] = []
        var problems: [String] = []
        for (index, prompt) in prompts.enumerated() {
            do {
                requests.append(try admission.admit(params[index].request(prompt)))
            } catch let error as InvalidRequest {
                let place = prompts.count > 1 ? "prompt \(index): " : ""
                for problem in error.problems {
                    let sentence = "\(place)\(problem)"
                    // What is wrong with a list's common parameters is told once.
                    if index == 0 || params[index] != params[0] { problems.append(sentence) }
                }
            } catch {
                throw VisualGenError(error)
            }
        }
        guard problems.isEmpty else { throw .invalidParameters(problems) }
        return requests
    }

    private func output(
        _ id: Int, _ item: Int, _ admitted: AdmittedRequest,
        _ tell: @escaping @Sendable (VisualGenProgress) -> Void
    ) async throws -> VisualGenOutput {
        try await Self.translating {
            try Task.checkCancellation()
            let request = admitted.request
            let collector = OutputCollector()
            let times = try await make(request, item: item, tell, deliver: collector.add)
            let result = try WorkerResult(collector, times)
            return VisualGenOutput(id, request, admitted.notes, result) { recipe(of: request, $0) }
        }
    }

    /// Has a request computed, if the guardrail allows it and what is made of it.
    private func make(
        _ request: GenerationRequest, item: Int, _ tell: @escaping @Sendable (VisualGenProgress) -> Void,
        deliver: @escaping OutputReceiver
    ) async throws -> StageTimes {
        let guardrail = admission.guardrail
        try await guardrail.checkPrompts(of: request)
        let sample = guardrail.sample(of: request)
        let times = try await worker.generate(
            request, observe: { VisualGenProgress(item: item, $0).map(tell) },
            deliver: { part in
                try sample?.add(part)
                try deliver(part)
            })
        try await guardrail.check(sample, of: request)
        return times
    }

    private func recipe(of request: GenerationRequest, _ image: Int) -> Recipe {
        Recipe(request, model: model, dtype: dtype, compute, image: image)
    }

    /// Gives every error but a cancellation in this library's words.
    private static func translating<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let error as CancellationError {
            throw error
        } catch {
            throw VisualGenError(error)
        }
    }
}
