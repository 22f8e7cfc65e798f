import Diffusion
import Foundation
import Layers
import Models
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct AutoencoderKLLTX2VideoSerialTests {
    private func vae(_ dtype: DType = .float32) throws -> AutoencoderKLLTX2Video {
        var config = AutoencoderKLLTX2VideoConfig()
        (config.latentChannels, config.blockOutChannels) = (32, [32, 64, 128, 128])
        (config.layersPerBlock, config.decoderLayersPerBlock) = ([1, 1, 1, 1, 1], [2, 2, 2, 2])
        (config.decoderBlockOutChannels, config.decoderCausal) = ([64, 128, 256], false)
        try config.validate()
        return try AutoencoderKLLTX2Video(
            Weights(RandomWeights(deviation: 0.05), plan: ComputePlan(dtype: dtype)), config)
    }

    @Test func decodesManyFramesInTheMemoryOfFew() throws {
        let vae = try vae()
        let latents = try Generator(seed: 9).normal([1, vae.config.latentChannels, 40, 8, 8])
        func peak(_ count: Int) throws -> Double {
            let part = try latents.slice(0..<count, axis: 2)
            return try peakMemory { try vae.decode(part) { _ in } }
        }
        // The first time kernels are chosen.
        _ = try peak(12)
        let (few, many) = try (peak(20), peak(40))
        #expect(many < 1.1 * few + Double(4 << 20), "\(many) after \(few)")
    }

    @Test(arguments: [DType.float32, .bfloat16]) func foreseesWhatVideosTake(_ dtype: DType) throws {
        let vae = try vae(dtype)
        let size = OutputSize(height: 256, width: 384, frames: 121)
        let shape = [1, vae.config.latentChannels, 16, 8, 12]
        let latents = try Generator(seed: 9).normal(shape)
        let image = try Generator(seed: 1).normal([1, 3, 1, size.height, size.width])
        // The first time kernels are chosen.
        _ = try vae.encode(image)
        try vae.decode(latents.slice(0..<2, axis: 2)) { _ in }
        let still = OutputSize(height: size.height, width: size.width)
        let parts = [
            (
                vae.config.decodingBytes(batch: 1, size, dtype: dtype),
                try peakMemory { try vae.decode(latents) { _ in } }
            ),
            (vae.config.encodingBytes(batch: 1, still, dtype: dtype), try peakMemory { _ = try vae.encode(image) }),
        ]
        for (foreseen, found) in parts {
            #expect(Double(foreseen.count) >= found, "\(foreseen) for \(found)")
            // Whether 16-bit numbers are converted is chosen by speed.
            if dtype.mayBeConvertedForProducts { continue }
            #expect(Double(foreseen.count) <= 2 * found, "\(foreseen) for \(found)")
        }
    }
}
