import Diffusion
import Foundation
import Layers
import Models
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct AutoencoderKLSerialTests {
    /// In published models the first level decides in the encoder and the last in the decoder; with few levels and many
    /// channels it is attention.
    @Test(arguments: [DType.float32, .bfloat16, .float16], [[32, 64, 128, 128], [32, 256]])
    func foreseesWhatAnImageTakes(_ dtype: DType, _ widths: [Int]) throws {
        var config = AutoencoderKLFlux2Config()
        config.blockOutChannels = widths
        let plan = ComputePlan(dtype: dtype)
        let vae = try AutoencoderKLFlux2(Weights(RandomWeights(deviation: 0.05), plan: plan), config)
        let (image, scale) = (OutputSize(height: 192, width: 256), config.scaleFactor)
        let grid = PatchGrid([1, image.height / scale, image.width / scale], patch: [1, 2, 2])
        let pixels = try Generator(seed: 1).normal([1, 3, image.height, image.width])
        // The first time kernels are chosen.
        let latents = try vae.latents(vae.tokens(of: pixels, grid), grid)
        _ = try vae.decode(latents)
        let parts = [
            (config.encodingBytes(image, dtype: dtype), try peakMemory { _ = try vae.tokens(of: pixels, grid) }),
            (config.decodingBytes(image, dtype: dtype), try peakMemory { _ = try vae.decode(latents) }),
        ]
        for (foreseen, found) in parts {
            #expect(Double(foreseen.count) >= found, "\(foreseen) for \(found)")
            // Whether 16-bit numbers are converted is chosen by speed; and nobody doubles channels more than once a level.
            if dtype.mayBeConvertedForProducts || widths.count < 3 { continue }
            #expect(Double(foreseen.count) <= 1.6 * found, "\(foreseen) for \(found)")
        }
    }
}
