package import Tensors

/// A denoiser cut in three, so that step caches, offload of blocks, graph capture and parallel layouts are written once,
/// outside every model.
package protocol DiffusionTransformer {
    /// What one prediction is made from.
    associatedtype Input
    /// What runs from block to block.
    associatedtype State: TransformerState

    /// How many blocks there are.
    var blockCount: Int { get }
    /// The blocks as a GPU keeps them to be run again at once, where it does.
    var captures: CapturedBlocks<State> { get }

    /// Does what does not change between steps, once for a request; nothing unless the model says so.
    ///
    /// - Parameter input: of any step
    /// - Returns: the same, with that done for every step that is made of it
    func prepared(_ input: Input) throws(TensorError) -> Input

    /// Embeds the input.
    func begin(_ input: Input) throws(TensorError) -> State
    /// Runs one block, in order from 0.
    func block(_ index: Int, _ state: inout State) throws(TensorError)
    /// Turns the last block's state into the predictions, one for each of the latents.
    func finish(_ state: consuming State) throws(TensorError) -> [Tensor]
}

extension DiffusionTransformer {
    package func prepared(_ input: Input) -> Input { input }
}
