import Diffusion
import Foundation
import Layers
import Models
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct AutoencoderKLLTX2VideoTests {
    nonisolated static let versions = ["2.0", "2.3"]

    private func folder(_ version: String) -> String {
        "\(Golden.folder)/checkpoints/\(version == "2.0" ? "ltx2" : "ltx2.3")-tiny/vae"
    }

    private func vae(_ version: String, _ dtype: DType = .float32) throws -> AutoencoderKLLTX2Video {
        let folder = folder(version)
        let weights = Weights(try CheckpointWeights(folder: folder), plan: ComputePlan(dtype: dtype))
        let vae = try AutoencoderKLLTX2Video(weights, AutoencoderKLLTX2VideoConfig.read("\(folder)/config.json").0)
        try weights.requireAllRead()
        return vae
    }

    /// All frames at once.
    private func decoded(
        _ vae: AutoencoderKLLTX2Video, _ latents: Tensor, timestep: Float = 0, _ tiling: LTX2VideoTiling? = nil
    ) throws -> Tensor {
        var frames: [Tensor] = []
        try vae.decode(latents, timestep: timestep, tiling: tiling) { frames.append($0) }
        return try concatenate(frames, axis: 2)
    }

    /// The goldens' tiles: 96 pixels every 64, and 16 frames every 8.
    private func tiling(_ name: String, _ order: VideoTiling.Order = .frames) -> LTX2VideoTiling? {
        var (tiling, space) = (LTX2VideoTiling(), VideoTiling())
        (space.height, space.width, space.strideHeight, space.strideWidth) = (96, 96, 64, 64)
        space.order = order
        tiling.space = ["tiled", "both"].contains(name) ? space : nil
        tiling.frames = ["framewise", "both"].contains(name) ? .init() : nil
        return tiling.space == nil && tiling.frames == nil ? nil : tiling
    }

    /// A golden's output, and what was found in the same pixels.
    private func pair(_ golden: Golden, _ name: String, _ found: Tensor) throws -> (Tensor, GoldenTensor, String) {
        let whole = "decode.\(name).output"
        if golden.names.contains(whole) { return (found, try golden.tensor(whole), whole) }
        func every(_ step: Int, from first: Int, _ count: Int) throws -> Tensor {
            try Tensor(
                stride(from: first, to: count, by: step).map(Int32.init), shape: [(count - first - 1) / step + 1])
        }
        let sparse = try found.gathered(every(4, from: 1, found.size(3)), axis: 3)
            .gathered(every(4, from: 2, found.size(4)), axis: 4)
        return (sparse, try golden.tensor("decode.\(name).sparse"), "decode.\(name).sparse")
    }

    @Test(arguments: versions, ["image", "video", "tiled", "framewise", "both"])
    func decodesAsTheReference(_ version: String, _ name: String) throws {
        let golden = try Golden("ltx2/vae-\(version)")
        let found = try decoded(vae(version), golden.tensor("decode.\(name).input").onDevice(), tiling(name))
        let (sparse, expected, key) = try pair(golden, name, found)
        let distance = try sparse.distance(to: expected)
        #expect(try distance <= Floors("ltx2").limit(key, of: "vae-\(version)"))
    }

    @Test(arguments: versions, ["image", "video", "tiled", "framewise"])
    func encodesAsTheReference(_ version: String, _ name: String) throws {
        let golden = try Golden("ltx2/vae-\(version)")
        let video = try (golden.tensor("encode.\(name).input").onDevice().to(.float32) - 128) / 127
        let (mean, logVariance) = try vae(version).encode(video, tiling: tiling(name))
        #expect(
            try mean.distance(to: golden.tensor("encode.\(name).mean"))
                <= Floors("ltx2").limit("encode.\(name).mean", of: "vae-\(version)"))
        #expect(logVariance.shape == [mean.size(0), 1] + mean.shape[2...])
    }

    @Test(arguments: versions) func decodesFramesAndTilesInEitherOrder(_ version: String) throws {
        let golden = try Golden("ltx2/vae-\(version)")
        let (vae, latents) = (try vae(version), try golden.tensor("decode.both.input").onDevice())
        var (frames, tiles) = (try #require(tiling("tiled", .frames)), try #require(tiling("tiled", .tiles)))
        #expect(try decoded(vae, latents, frames).distance(to: decoded(vae, latents, tiles)) == 0)
        (frames.frames, tiles.frames) = (.init(), .init())
        #expect(try decoded(vae, latents, frames).distance(to: decoded(vae, latents, tiles)) == 0)
    }

    @Test(arguments: versions) func emitsFramesWhileLatentsAreLeft(_ version: String) throws {
        struct Enough: Error {}
        let vae = try vae(version)
        let latents = try Generator(seed: 6).normal([1, vae.config.latentChannels, 30, 2, 2])
        var count = 0
        #expect(throws: Enough.self) {
            try vae.decode(latents) { frame in
                #expect(frame.shape == [1, 3, 1, 64, 64])
                count += 1
                if count == 2 { throw Enough() }
            }
        }
        #expect(count == 2)
    }

    @Test(arguments: versions) func decodesEachVideoAsIfAlone(_ version: String) throws {
        let vae = try vae(version)
        let latents = try Generator(seed: 5).normal([2, vae.config.latentChannels, 2, 2, 3])
        let both = try decoded(vae, latents)
        #expect(both.shape == [2, 3, vae.config.frames(latents: 2), 64, 96])
        for item in 0..<2 {
            let alone = try decoded(vae, latents.slice(item..<item + 1, axis: 0))
            #expect(try both.slice(item..<item + 1, axis: 0).distance(to: alone) <= 1e-5)
        }
    }

    @Test(arguments: versions) func leavesOutFramesThatDoNotFillALatentFrame(_ version: String) throws {
        let vae = try vae(version)
        let video = try Generator(seed: 4).normal([1, 3, 12, 32, 64])
        let whole = try vae.encode(video).mean
        #expect(whole.shape == [1, vae.config.latentChannels, 2, 1, 2])
        #expect(try vae.encode(video.slice(0..<9, axis: 2)).mean.distance(to: whole) == 0)
    }

    @Test(arguments: versions) func undoesTheNormalisationBeforeItDecodes(_ version: String) throws {
        let vae = try vae(version)
        let latents = try Generator(seed: 7).normal([1, vae.config.latentChannels, 2, 2, 2])
        var frames: [Tensor] = []
        try vae.decode(normalised: vae.normalised(latents)) { frames.append($0) }
        #expect(try concatenate(frames, axis: 2).distance(to: decoded(vae, latents)) <= 1e-5)
        #expect(try vae.normalised(latents).distance(to: latents) > 0.1)
    }

    @Test(arguments: versions) func staysNearTheReferenceInSixteenBits(_ version: String) throws {
        let golden = try Golden("ltx2/vae-\(version)")
        let found = try decoded(vae(version, .bfloat16), golden.tensor("decode.image.input").onDevice())
        #expect(found.dtype == .bfloat16)
        #expect(try found.distance(to: golden.tensor("decode.image.output")) <= 0.1)
    }

    /// Of a decoder that is causal and knows the timestep, and an encoder that is not causal: no published model has those.
    private func variant() throws -> AutoencoderKLLTX2Video {
        let folder = "\(Golden.folder)/checkpoints/ltx2-variants/vae"
        let weights = Weights(try CheckpointWeights(folder: folder))
        let vae = try AutoencoderKLLTX2Video(weights, AutoencoderKLLTX2VideoConfig.read("\(folder)/config.json").0)
        try weights.requireAllRead()
        return vae
    }

    @Test(arguments: ["0", "0.05"]) func decodesAsTheReferenceWhereTheTimestepCounts(_ timestep: String) throws {
        let (golden, key) = (try Golden("ltx2/variants"), "decode.\(timestep).output")
        let latents = try golden.tensor("decode.input").onDevice()
        let found = try decoded(variant(), latents, timestep: #require(Float(timestep)))
        #expect(try found.distance(to: golden.tensor(key)) <= Floors("ltx2").limit(key, of: "variants"))
    }

    @Test func encodesAsTheReferenceWithoutCausality() throws {
        let golden = try Golden("ltx2/variants")
        let mean = try variant().encode(golden.tensor("encode.input").onDevice()).mean
        #expect(
            try mean.distance(to: golden.tensor("encode.mean")) <= Floors("ltx2").limit("encode.mean", of: "variants"))
    }

    @Test func foresaysMemoryThatDoesNotGrowWithTheNumberOfFrames() throws {
        let config = AutoencoderKLLTX2VideoConfig()
        func bytes(_ frames: Int, _ tiling: LTX2VideoTiling? = nil, times: Int = 1) -> Int {
            let size = OutputSize(height: 1088 * times, width: 1920 * times, frames: frames)
            return config.decodingBytes(batch: 1, size, dtype: .bfloat16, tiling: tiling).count
        }
        #expect(bytes(241) - bytes(9) <= 29 * 128 * 34 * 60 * 8)
        #expect(bytes(1) < bytes(9))
        var tiling = LTX2VideoTiling()
        tiling.space?.order = .tiles
        // Some hundred megabytes are the weights of a convolution, laid out in another way.
        #expect(bytes(9, tiling, times: 2) < bytes(9, times: 2) / 2)
    }

    @Test(arguments: [
        ("timestep_conditioning", "\"perhaps\""), ("patch_size_t", "2"), ("downsample_type", "[\"spatial\"]"),
        ("decoder_inject_noise", "true"), ("upsample_factor", "[2, 2, 3]"), ("spatial_compression_ratio", "16"),
        ("decoder_spatial_padding_mode", "\"circular\""), ("layers_per_block", "[1]"), ("scaling_factor", "0"),
        ("decoder_block_out_channels", "[8, 16, 30]"), ("upsample_type", "[\"spatial\", \"spatial\", \"spatial\"]"),
    ])
    func refusesAConfigThatItCannotRun(_ key: String, _ value: String) throws {
        let copy = try TinyCheckpoint(copying: "ltx2-tiny")
        let json = try JSONSerialization.jsonObject(with: Data(value.utf8), options: .fragmentsAllowed)
        try copy.editJSON("vae/config.json") { $0[key] = json }
        let error = try #require(throws: ConfigError.self) {
            _ = try AutoencoderKLLTX2VideoConfig.read("\(copy.path)/vae/config.json")
        }
        #expect("\(error)".contains(key))
    }

    /// A latent that is alone in its row cannot be reflected.
    @Test func refusesLatentsTooNarrowToReflect() throws {
        let vae = try vae("2.0")
        #expect(vae.config.smallestSide == 2)
        let latents = try Generator(seed: 9).normal([1, vae.config.latentChannels, 1, 1, 2])
        #expect(throws: TensorError.self) { _ = try decoded(vae, latents) }
    }
}
