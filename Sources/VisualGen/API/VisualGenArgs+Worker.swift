package import Diffusion
package import Engine
internal import Layers
internal import Tensors

extension VisualGenArgs {
    /// What a worker has to know of the configuration.
    ///
    /// - Parameter path: the model's folder
    /// - Returns: the worker's configuration
    package func worker(at path: String) -> WorkerConfiguration {
        var configuration = WorkerConfiguration(model: path)
        configuration.options.plan.device =
            switch device {
            case .cpu: .cpu
            case .cuda(let index): .cuda(index ?? 0)
            }
        configuration.options.plan.dtype =
            switch dtype {
            case .bfloat16: .bfloat16
            case .float16: .float16
            case .float32: .float32
            case nil: device == .cpu ? .float32 : .bfloat16
            }
        (configuration.threads, configuration.options.memoryLimit) = (threads, memoryLimit)
        configuration.allowsUnknown = allowUnknown
        configuration.warmUp = compilationConfig.warmUp
        configuration.options.stepCache = cacheConfig?.settings
        configuration.options.plan.quantization = quantConfig.plan
        configuration.options.plan.attention = attentionConfig.plan(on: configuration.options.plan.device)
        return configuration
    }

    /// What is wrong with ``pipelineConfig`` and ``cacheConfig`` for a model.
    ///
    /// - Parameter model: the model
    /// - Returns: every problem
    package func problems(of model: any ModelFamily) -> [ConfigProblem] {
        let problems = problems(pipelineConfigKeys: Array(type(of: model).pipelineConfig.keys))
        do throws(StepCacheError) {
            _ = try model.stepCaches(cacheConfig?.settings)
            return problems
        } catch {
            return problems + [ConfigProblem("cache_config.\(error.field)", error.statement)]
        }
    }

    /// What of a configuration has no effect on a model.
    ///
    /// - Parameter model: the model
    /// - Returns: a sentence for each
    /// - Throws: any error of a bad checkpoint
    package func notes(on model: any ModelFamily) throws -> [String] {
        let layers = try quantConfig.plan.map(model.idlePatterns) ?? []
        let attentions = try attentionConfig.quantization.map(model.idlePatterns) ?? []
        return layers.map { "quant_config.ignore has \($0), which is no layer's name" }
            + attentions.map { "attention_config.exact_layers has \($0), which is no attention's name" }
    }

    /// The worker, not started.
    ///
    /// - Parameter configuration: what it has to know
    /// - Returns: one in a process of its own, or in this process if ``workerMode`` says so
    /// - Throws: `EngineError`
    package func makeWorker(_ configuration: WorkerConfiguration) throws -> any Worker {
        switch workerMode {
        case .process: ProcessWorker(configuration, limits: workerLimits)
        case .inProcess: try InProcessWorker(configuration)
        }
    }

    /// What is wrong with how torchrun or SLURM started this process, or with these settings for such a start.
    ///
    /// - Parameter environment: the process's environment variables
    /// - Returns: nothing for a process that was started by itself
    package func launchProblems(_ environment: [String: String]) -> [ConfigProblem] {
        do throws(ExternalLaunchError) {
            guard let launch = try ExternalLaunch.read(environment) else { return [] }
            let count = parallelConfig.workerCount
            guard launch.worldSize != count else { return [] }
            let workers = count == 1 ? "1 worker" : "\(count) workers"
            return [
                ConfigProblem("parallel_config", "makes \(workers), but \(launch.worldSize) processes were started")
            ]
        } catch {
            return error.problems.map { ConfigProblem("", $0) }
        }
    }

    /// How long a worker is waited for.
    var workerLimits: WorkerLimits {
        var limits = WorkerLimits()
        limits.stall = .seconds(workerTimeout)
        return limits
    }
}

extension CompilationConfig {
    fileprivate var warmUp: WorkerConfiguration.WarmUp {
        if skipWarmup || resolutions?.isEmpty == true || numFrames?.isEmpty == true { return .none }
        guard let resolutions else { return .defaults }
        let frames = numFrames?.map(Optional.some) ?? [nil]
        return .sizes(
            resolutions.flatMap { size in
                frames.map { OutputSize(height: size.height, width: size.width, frames: $0) }
            })
    }
}
