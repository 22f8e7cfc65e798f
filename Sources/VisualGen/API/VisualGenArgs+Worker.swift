package import Diffusion
package import Engine
internal import Foundation
internal import Layers
package import Parallel
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
        configuration.pipelineConfig = pipelineConfig.mapValues(ParameterValue.init)
        configuration.warmUp = compilationConfig.warmUp
        configuration.options.stepCache = cacheConfig?.settings
        configuration.options.plan.quantization = quantConfig.plan
        configuration.options.plan.parallel = parallelConfig.layout
        configuration.options.plan.capturesBlocks = cudaGraphConfig.enable
        configuration.options.plan.offload = cpuOffloadConfig.plan
        configuration.options.plan.loras = runtimeLoRAConfigs.map(\.plan)
        configuration.options.plan.attention = attentionConfig.plan(on: configuration.options.plan.device)
        return configuration
    }

    /// What is wrong with ``pipelineConfig`` and ``cacheConfig`` for a model.
    ///
    /// - Parameter model: the model
    /// - Returns: every problem
    package func problems(of model: any ModelFamily) -> [ConfigProblem] {
        var problems = problems(pipelineConfigKeys: Array(type(of: model).pipelineConfig.keys))
        if parallelConfig.workerCount > 1 { problems += parallelProblems(of: model) }
        if cpuOffloadConfig.enable {
            problems += cpuOffloadConfig.problems(components: model.components.map(\.name))
        }
        do throws(StepCacheError) {
            _ = try model.stepCaches(cacheConfig?.settings)
            return problems
        } catch {
            return problems + [ConfigProblem("cache_config.\(error.field)", error.statement)]
        }
    }

    /// What makes ``parallelConfig`` unfit for a model.
    private func parallelProblems(of model: any ModelFamily) -> [ConfigProblem] {
        guard let sites = try? model.attentions() else { return [] }
        var problems: [ConfigProblem] = []
        for site in sites where site.role != .cross {
            for problem in parallelConfig.problems(heads: site.heads, keyValueHeads: site.keyValueHeads)
            where !problems.contains(problem) { problems.append(problem) }
        }
        return problems
    }

    /// What of a configuration has no effect on a model, and what it leaves out that the model's reference has.
    ///
    /// - Parameter model: the model
    /// - Returns: a sentence for each
    /// - Throws: any error of a bad checkpoint
    package func notes(on model: any ModelFamily) throws -> [String] {
        let layers = try quantConfig.plan.map(model.idlePatterns) ?? []
        let attentions = try attentionConfig.quantization.map(model.idlePatterns) ?? []
        let guardrail =
            type(of: model).hasGuardrail && guardrailConfig.url == nil
            ? [
                "no guardrail checks what \(type(of: model).name) is asked for and makes: guardrail_config.url names none"
            ]
            : []
        return layers.map { "quant_config.ignore has \($0), which is no layer's name" }
            + attentions.map { "attention_config.exact_layers has \($0), which is no attention's name" } + guardrail
    }

    /// The checker that is asked about requests and outputs; nil for none.
    package var checker: GuardrailSettings? { guardrailConfig.settings }

    /// What each of several workers has to know that have the same model.
    ///
    /// - Parameters:
    ///   - count: how many there are, at least 1
    ///   - configuration: what one by itself would have to know
    ///   - environment: the process's environment variables
    /// - Returns: a configuration for each
    /// - Throws: ``ConfigurationError`` where there are not as many devices, or not such as are needed
    package func replicas(
        _ count: Int, of configuration: WorkerConfiguration,
        _ environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(ConfigurationError) -> [WorkerConfiguration] {
        if count > 1, case .cuda(let index?) = device {
            let problem = "is \(count), but device is cuda:\(index), which is one GPU; cuda gives each worker its own"
            throw ConfigurationError([ConfigProblem("workers", problem)])
        }
        var configurations: [WorkerConfiguration] = []
        for index in 0..<count {
            let replica = Replica(index, of: count, devicesPerReplica: parallelConfig.workerCount)
            let own = replica.configuration(configuration)
            let problems: [ConfigProblem]
            do throws(EngineError) {
                let cards = cards(from: own.options.plan.device, environment)
                for card in cards { try EngineError.require(card) }
                problems = try cardProblems(on: cards)
            } catch {
                throw ConfigurationError([ConfigProblem("workers", "is \(count), but \(error)")])
            }
            guard problems.isEmpty else { throw ConfigurationError(problems) }
            configurations.append(own)
        }
        return configurations
    }

    /// The workers, not started.
    ///
    /// - Parameter configurations: what each has to know
    /// - Returns: workers in processes of their own, or in this process if ``workerMode`` says so
    /// - Throws: `EngineError`
    package func makeWorkers(_ configurations: [WorkerConfiguration]) throws -> WorkerPool {
        let limits = workerLimits
        let workers: [any Worker] = try configurations.enumerated().map { index, configuration in
            switch workerMode {
            case .process: ProcessWorker(configuration, index: index, limits: limits)
            case .inProcess:
                // What waits on a device for a rank that is lost ends with the group.
                try InProcessWorker(configuration, team: .assemble(configuration) { _ in })
            }
        }
        return WorkerPool(workers, limits: limits)
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

extension ParallelConfig {
    /// The same for workers.
    package var layout: ParallelLayout {
        var layout = ParallelLayout()
        (layout.guidance, layout.tensor, layout.ulysses) = (cfgSize, tpSize, ulyssesSize)
        layout.context =
            attn2dSize == Attention2DSize(1, 1)
            ? .ring(ringSize) : .mesh(rows: attn2dSize.rows, columns: attn2dSize.columns)
        (layout.overlapsExchange, layout.decoding) = (asyncUlysses, parallelVAESize)
        layout.decodingSide = parallelVAESplitDim == .width ? .width : .height
        return layout
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
