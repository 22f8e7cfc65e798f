internal import ArgumentParser
internal import Diffusion
internal import Engine
internal import VisualGen

/// Settings of a model's own pipeline.
struct PipelineConfigOption: ParsableArguments {
    @Option(
        name: .long,
        help: "The model's own settings: pipeline_config as YAML, such as '{text_encoder_path: FOLDER}'.")
    var pipelineConfig: String?

    /// Finds a model and reads its configs.
    ///
    /// - Parameters:
    ///   - path: where it lies
    ///   - allowsUnknown: whether config keys and tensors that this build does not know are skipped instead of refused
    /// - Returns: the model
    /// - Throws: `ConfigurationError`, or any error of a bad checkpoint
    func open(_ path: String, allowingUnknown allowsUnknown: Bool = false) async throws -> any ModelFamily {
        var arguments =
            try pipelineConfig.map { text throws(ConfigurationError) in
                try VisualGenArgs(yamlText: "pipeline_config: \(text)")
            } ?? VisualGenArgs()
        arguments.allowUnknown = allowsUnknown
        let model = try await arguments.worker(at: path).locatingSources().open()
        let problems = arguments.problems(pipelineConfigKeys: Array(type(of: model).pipelineConfig.keys))
        guard problems.isEmpty else { throw ConfigurationError(problems) }
        return model
    }
}
