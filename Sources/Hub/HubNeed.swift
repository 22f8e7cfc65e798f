/// What is needed of a repository.
enum HubNeed: Sendable {
    /// Parts of a pipeline: `isNeeded` says it of a name (`transformer`) and a class (`FluxTransformer2DModel`). Besides, folders
    /// with weights, whether or not `model_index.json` names them.
    case parts(isNeeded: @Sendable (String, String) -> Bool, folders: [String])
    /// A LoRA file: its path in the repository, or nil for the one at its root.
    case lora(String?)
}
