import Diffusion
import Foundation
import Layers
import Models
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct AutoencoderKLWanSerialTests {
    /// The process's memory, in bytes.
    private var memory: Int {
        let pages = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ")[1]
        return (pages.flatMap { Int($0) } ?? 0) * 4096
    }

    /// A frame of the last level is 1 MiB here, and a hundred tensors of that size are made for each. In a first run
    /// malloc finds places for them, and the gaps that it leaves come to up to 10 MB.
    @Test func decodesManyFramesInTheMemoryOfFew() throws {
        let config = try AutoencoderKLWanConfig.defaults(changing: ["base_dim": 16])
        let vae = try AutoencoderKLWan(Weights(RandomWeights(deviation: 0.05)), config)
        let latents = try Generator(seed: 9).normal([1, config.zDim, 11, 16, 16])
        try vae.decode(latents) { _ in }
        var peaks: [Int] = []
        try vae.decode(latents) { _ in peaks.append(memory) }
        #expect(peaks.count == 41)
        let early = peaks[..<9].max() ?? 0
        let late = peaks[9...].max() ?? 0
        #expect(late - early < 8 << 20)
    }

    /// With few channels, or in small videos, LibTorch's convolutions write out what each position sees.
    @Test(arguments: [DType.float32, .bfloat16], [(8, 64, 96), (32, 64, 64)])
    func foreseesWhatAVideoTakes(_ dtype: DType, _ given: (width: Int, height: Int, columns: Int)) throws {
        let config = try AutoencoderKLWanConfig.defaults(changing: ["base_dim": given.width])
        let vae = try AutoencoderKLWan(Weights(RandomWeights(deviation: 0.05), plan: ComputePlan(dtype: dtype)), config)
        let size = OutputSize(height: given.height, width: given.columns, frames: 5)
        let latents = try Generator(seed: 1).normal([1, 16, 2, size.height / 8, size.width / 8])
        // The first time kernels are chosen.
        try vae.decode(normalised: latents) { _ in }
        let found = try peakMemory { try vae.decode(normalised: latents) { _ in } }
        let foreseen = config.decodingBytes(batch: 1, size, dtype: dtype)
        #expect(Double(foreseen.count) >= found, "\(foreseen) for \(found)")
        // Whether 16-bit numbers are converted is chosen by speed.
        if dtype.mayBeConvertedForProducts { return }
        #expect(Double(foreseen.count) <= 1.6 * found, "\(foreseen) for \(found)")
    }

    /// In published models the first level decides in the encoder and the last in the decoder.
    @Test(arguments: [DType.float32, .bfloat16, .float16], [32, 64])
    func foreseesWhatAnImageTakes(_ dtype: DType, _ width: Int) throws {
        let config = try AutoencoderKLWanConfig.defaults(changing: ["base_dim": width])
        let vae = try AutoencoderKLWan(Weights(RandomWeights(deviation: 0.05), plan: ComputePlan(dtype: dtype)), config)
        let image = OutputSize(height: 192, width: 256)
        let pixels = try Generator(seed: 1).normal([1, 3, 1, image.height, image.width])
        // The first time kernels are chosen.
        let latents = try vae.encode(pixels)
        _ = try vae.image(normalised: latents)
        let parts = [
            (config.encodingBytes(image, dtype: dtype), try peakMemory { _ = try vae.encode(pixels) }),
            (
                config.decodingBytes(batch: 1, image, dtype: dtype),
                try peakMemory { _ = try vae.image(normalised: latents) }
            ),
        ]
        for (foreseen, found) in parts {
            #expect(Double(foreseen.count) >= found, "\(foreseen) for \(found)")
            // Whether 16-bit numbers are converted is chosen by speed.
            if dtype.mayBeConvertedForProducts { continue }
            #expect(Double(foreseen.count) <= 1.6 * found, "\(foreseen) for \(found)")
        }
    }
}
