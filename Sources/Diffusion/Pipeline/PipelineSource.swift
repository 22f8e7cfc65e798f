/// What a setting of the whole model names besides what lies on this machine: something of the hub.
package enum PipelineSource: Sendable {
    /// A model of which these components are needed: first the one with weights.
    case components([String])
    /// A LoRA file: `org/name`, or `org/name/file.safetensors` of a repository with several.
    case lora
}
