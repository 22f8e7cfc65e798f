import Diffusion
import Foundation
import Layers
import Models
import Tensors
import TestKit
import Testing

@DeviceActor @Suite(.serialized) struct AutoencoderKLLTX2VideoSerialTests {
    /// The published autoencoders with an eighth of their channels.
    private func vae(_ version: String, _ dtype: DType = .float32, layers: Int? = nil) throws
        -> AutoencoderKLLTX2Video
    {
        let path = "\(Golden.folder)/manifests/\(version)/vae/config.json"
        var config = try AutoencoderKLLTX2VideoConfig.read(path).0
        config.latentChannels = 32
        config.blockOutChannels = config.blockOutChannels.map { $0 / 8 }
        config.decoderBlockOutChannels = config.decoderBlockOutChannels.map { $0 / 8 }
        if let layers { config.decoderLayersPerBlock = config.decoderLayersPerBlock.map { _ in layers } }
        try config.validate()
        return try AutoencoderKLLTX2Video(
            Weights(RandomWeights(deviation: 0.05), plan: ComputePlan(dtype: dtype)), config)
    }

    /// Tiles of a size in pixels, each a third further than the one before; nil for none.
    private func tiling(_ side: Int, _ order: VideoTiling.Order?) -> LTX2VideoTiling? {
        guard let order else { return nil }
        var (tiling, space) = (LTX2VideoTiling(), VideoTiling())
        (space.height, space.width, space.order) = (side, side, order)
        (space.strideHeight, space.strideWidth) = (side / 3 * 2, side / 3 * 2)
        tiling.space = space
        return tiling
    }

    private func latents(_ vae: AutoencoderKLLTX2Video, _ size: OutputSize) throws -> Tensor {
        let (config, scale) = (vae.config, vae.config.scaleFactor)
        return try Generator(seed: 9).normal([
            1, config.latentChannels, config.latentFrames(size.frames ?? 1), size.height / scale, size.width / scale,
        ])
    }

    /// Whole, and a frame of all tiles after the other.
    @Test(arguments: [nil, VideoTiling.Order.frames]) func decodesManyFramesInTheMemoryOfFew(
        _ order: VideoTiling.Order?
    ) throws {
        // The first frame comes out when the eleventh of the latents has come in.
        let vae = try vae("ltx2", layers: 2)
        let tiling = tiling(96, order)
        let latents = try latents(vae, OutputSize(height: 128, width: 128, frames: 185))
        func peak(_ count: Int) throws -> Double {
            let part = try latents.slice(0..<count, axis: 2)
            return try peakMemory { try vae.decode(part, tiling: tiling) { _ in } }
        }
        // The first time kernels are chosen.
        _ = try peak(2)
        let (few, many) = try (peak(12), peak(24))
        #expect(many < 1.1 * few, "\(many) after \(few)")
    }

    /// A video of a size, whole or in tiles.
    struct Case: CustomTestStringConvertible, Sendable {
        let version: String
        let size: OutputSize
        var dtype = DType.float32
        var order: VideoTiling.Order?

        var testDescription: String {
            "\(version) \(size.height)x\(size.width)x\(size.frames ?? 1) \(dtype) \(order.map { "\($0)" } ?? "whole")"
        }

        init(
            _ version: String, _ height: Int, _ width: Int, _ frames: Int, _ dtype: DType = .float32,
            _ order: VideoTiling.Order? = nil
        ) {
            (self.version, self.dtype, self.order) = (version, dtype, order)
            size = OutputSize(height: height, width: width, frames: frames)
        }

        static let decoded = ["ltx2", "ltx2.3"].flatMap { version in
            [
                // Usual, odd, long and short ones, and a still.
                Case(version, 192, 256, 41), Case(version, 160, 224, 25), Case(version, 96, 128, 121),
                Case(version, 384, 320, 9), Case(version, 256, 384, 1), Case(version, 128, 160, 33, .bfloat16),
                Case(version, 160, 224, 1, .bfloat16), Case(version, 256, 320, 25, .float32, .frames),
                Case(version, 256, 320, 25, .float32, .tiles), Case(version, 192, 384, 49, .float32, .tiles),
                Case(version, 192, 256, 17, .bfloat16, .frames), Case(version, 192, 256, 17, .bfloat16, .tiles),
            ]
        }

        static let encoded = ["ltx2", "ltx2.3"].flatMap { version in
            [
                Case(version, 256, 384, 1), Case(version, 160, 224, 1), Case(version, 512, 352, 1),
                Case(version, 128, 192, 17), Case(version, 192, 160, 1, .bfloat16),
            ]
        }
    }

    /// Expects a forecast to be no less than what was found, and no more than 1.6 times that.
    private func expect(_ foreseen: MemorySize, for found: Double, _ dtype: DType) {
        #expect(Double(foreseen.count) >= found, "\(foreseen.count) for \(found)")
        // Where a processor can multiply them, whether 16-bit numbers are converted is chosen by speed.
        let isConverted = ThreadSettings.kernelChoices.contains { $0.hasPrefix("convolution \(dtype): wide") }
        if dtype.mayBeConvertedForProducts && !isConverted { return }
        #expect(Double(foreseen.count) <= 1.6 * found, "\(foreseen.count) for \(found)")
    }

    @Test(arguments: Case.decoded) func foreseesWhatDecodingTakes(_ given: Case) throws {
        let vae = try vae(given.version, given.dtype)
        let (latents, tiling) = (try latents(vae, given.size), tiling(192, given.order))
        // The first time kernels are chosen.
        try vae.decode(latents.slice(0..<1, axis: 2)) { _ in }
        let found = try peakMemory { try vae.decode(latents, tiling: tiling) { _ in } }
        expect(
            vae.config.decodingBytes(batch: 1, given.size, dtype: given.dtype, tiling: tiling), for: found, given.dtype)
    }

    @Test(arguments: Case.encoded) func foreseesWhatEncodingTakes(_ given: Case) throws {
        let (vae, size) = (try vae(given.version, given.dtype), given.size)
        let video = try Generator(seed: 1).normal([1, 3, size.frames ?? 1, size.height, size.width])
        _ = try vae.encode(video.slice(0..<1, axis: 2))
        let found = try peakMemory { _ = try vae.encode(video) }
        expect(vae.config.encodingBytes(batch: 1, size, dtype: given.dtype), for: found, given.dtype)
    }
}
