import Diffusion
import Layers
import Tensors

extension DenoisingLoop {
    /// Every step that is left, or the first of them, of one tensor of latents.
    func run(
        from latents: Tensor, to end: Int? = nil, times: inout [Double], predict: (Tensor, Float) throws -> Tensor
    ) throws -> Tensor {
        if index == 0 { try begin([latents]) }
        while index < end ?? count { try step(times: &times) { [try predict($0[0], $1.timestep)] } }
        return self.latents[0]
    }
}
