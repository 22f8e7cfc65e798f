internal import Diffusion
package import Engine
internal import Layers
package import Tensors

extension VisualGenArgs {
    /// What the GPUs lack that this process and the ranks it starts compute on, asked before anything is loaded.
    ///
    /// - Parameter environment: the process's environment variables
    /// - Returns: a problem for what some of them cannot do, none on a CPU
    /// - Throws: `EngineError` where a GPU cannot be used
    package func cardProblems(_ environment: [String: String]) throws(EngineError) -> [ConfigProblem] {
        try cardProblems(on: cards(from: worker(at: model).options.plan.device, environment))
    }

    /// What some GPUs lack.
    ///
    /// - Parameters:
    ///   - cards: the GPUs
    ///   - capability: tells the compute capability of one
    /// - Returns: a problem for what some of them cannot do
    /// - Throws: what `capability` throws
    package func cardProblems(
        on cards: [Tensors.Device],
        _ capability: (Tensors.Device) throws(EngineError) -> ComputeCapability? = EngineError.computeCapability(of:)
    ) throws(EngineError) -> [ConfigProblem] {
        guard attentionConfig.quantization != nil else { return [] }
        for card in cards {
            guard let found = try capability(card) else { continue }
            if let problem = attentionConfig.problem(on: card, found) { return [problem] }
        }
        return []
    }

    /// The GPUs of a worker.
    ///
    /// - Parameters:
    ///   - first: the one of its first rank
    ///   - environment: the process's environment variables
    /// - Returns: one for each rank that this process starts; where torchrun or SLURM started it, its own; on a CPU none
    func cards(from first: Tensors.Device, _ environment: [String: String]) -> [Tensors.Device] {
        if first == .cpu { return [] }
        if let launch = try? ExternalLaunch.read(environment) { return [first.ofRank(launch.localRank)] }
        return (0..<parallelConfig.workerCount).map(first.ofRank)
    }
}

extension AttentionConfig {
    /// Why a GPU cannot compute attention so.
    ///
    /// The kernels of the recipes are made of instructions that Hopper alone has.
    ///
    /// - Parameters:
    ///   - card: the GPU
    ///   - capability: its compute capability
    /// - Returns: nil where it can
    fileprivate func problem(on card: Device, _ capability: ComputeCapability) -> ConfigProblem? {
        guard quantization != nil, capability.major != 9 else { return nil }
        return ConfigProblem(
            "attention_config.backend",
            "\(backend.rawValue) with quant_attention_config needs a Hopper GPU (compute capability 9.0), but \(card) has "
                + "\(capability)")
    }
}
