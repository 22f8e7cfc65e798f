import Diffusion
import Foundation
import Layers
import Models
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct AutoencoderKLWanTests {
    nonisolated static let shapes = ["2.1", "2.2"]

    private func vae(_ shape: String, _ dtype: DType = .float32) throws -> AutoencoderKLWan {
        let folder = "\(Golden.folder)/checkpoints/wan-vae-\(shape)/vae"
        let weights = Weights(try CheckpointWeights(folder: folder), plan: ComputePlan(dtype: dtype))
        let vae = try AutoencoderKLWan(weights, AutoencoderKLWanConfig.read("\(folder)/config.json").0)
        try weights.requireAllRead()
        return vae
    }

    /// All frames at once.
    private func decoded(_ vae: AutoencoderKLWan, _ latents: Tensor, _ tiling: VideoTiling? = nil) throws -> Tensor {
        var frames: [Tensor] = []
        try vae.decode(latents, tiling: tiling) { frames.append($0) }
        return try concatenate(frames, axis: 2)
    }

    private func tiling(_ vae: AutoencoderKLWan, _ order: VideoTiling.Order, tile: Int = 3, stride: Int = 2)
        -> VideoTiling
    {
        let scale = vae.config.scaleFactor
        var tiling = VideoTiling()
        (tiling.height, tiling.width, tiling.order) = (tile * scale, tile * scale, order)
        (tiling.strideHeight, tiling.strideWidth) = (stride * scale, stride * scale)
        return tiling
    }

    @Test(arguments: shapes, ["image", "video", "two", "three"])
    func decodesAsTheReference(_ shape: String, _ name: String) throws {
        let golden = try Golden("wan/vae-\(shape)")
        let found = try decoded(vae(shape), golden.tensor("decode.\(name).input").onDevice())
        #expect(try found.distance(to: golden.tensor("decode.\(name).output")) <= 5e-5)
    }

    @Test(arguments: shapes, ["image", "short", "long", "surplus"])
    func encodesAsTheReference(_ shape: String, _ name: String) throws {
        let golden = try Golden("wan/vae-\(shape)")
        let video = try (golden.tensor("encode.\(name).input").onDevice().to(.float32) - 128) / 127
        #expect(try vae(shape).encode(video).distance(to: golden.tensor("encode.\(name).mean")) <= 5e-5)
    }

    @Test(arguments: shapes, [VideoTiling.Order.frames, .tiles])
    func decodesTilesAsTheReference(_ shape: String, _ order: VideoTiling.Order) throws {
        let golden = try Golden("wan/vae-\(shape)")
        let vae = try vae(shape)
        let found = try decoded(vae, golden.tensor("decode.tiled.input").onDevice(), tiling(vae, order))
        #expect(try found.distance(to: golden.tensor("decode.tiled.output")) <= 5e-5)
    }

    @Test(arguments: shapes) func decodesTheFirstFramesWhateverFollows(_ shape: String) throws {
        let vae = try vae(shape)
        let latents = try Generator(seed: 3).normal([1, vae.config.zDim, 4, 2, 1])
        let whole = try decoded(vae, latents)
        #expect(whole.size(2) == vae.config.frames(latents: 4))
        for count in 1...3 {
            let frames = vae.config.frames(latents: count)
            let part = try decoded(vae, latents.slice(0..<count, axis: 2))
            #expect(try part.distance(to: whole.slice(0..<frames, axis: 2)) <= 1e-6)
        }
    }

    @Test(arguments: shapes) func encodesTheFirstFramesWhateverFollows(_ shape: String) throws {
        let vae = try vae(shape)
        let size = vae.config.scaleFactor
        let video = try Generator(seed: 4).normal([1, 3, 9, size, size])
        let whole = try vae.encode(video)
        #expect(whole.size(2) == 3)
        let part = try vae.encode(video.slice(0..<5, axis: 2))
        #expect(try part.distance(to: whole.slice(0..<2, axis: 2)) <= 1e-6)
    }

    @Test(arguments: shapes) func decodesEachVideoAsIfAlone(_ shape: String) throws {
        let vae = try vae(shape)
        let latents = try Generator(seed: 5).normal([2, vae.config.zDim, 2, 1, 2])
        let both = try decoded(vae, latents)
        for item in 0..<2 {
            let alone = try decoded(vae, latents.slice(item..<item + 1, axis: 0))
            #expect(try both.slice(item..<item + 1, axis: 0).distance(to: alone) <= 1e-5)
        }
    }

    /// The caller may show a frame before the next one is computed.
    @Test func emitsFramesOneByOneAndStopsWhenTheCallerThrows() throws {
        struct Enough: Error {}
        let vae = try vae("2.1")
        let latents = try Generator(seed: 6).normal([1, vae.config.zDim, 3, 1, 1])
        var count = 0
        #expect(throws: Enough.self) {
            try vae.decode(latents) { frame in
                #expect(frame.shape == [1, 3, 1, 8, 8])
                count += 1
                if count == 2 { throw Enough() }
            }
        }
        #expect(count == 2)
    }

    @Test(arguments: shapes) func undoesTheNormalisationBeforeItDecodes(_ shape: String) throws {
        let vae = try vae(shape)
        let latents = try Generator(seed: 7).normal([1, vae.config.zDim, 2, 1, 1])
        var frames: [Tensor] = []
        try vae.decode(normalised: vae.normalised(latents)) { frames.append($0) }
        #expect(try concatenate(frames, axis: 2).distance(to: decoded(vae, latents)) <= 1e-5)
        #expect(try vae.normalised(latents).distance(to: latents) > 0.1)
    }

    @Test(arguments: shapes) func givesTilesThatFadeIntoEachOther(_ shape: String) throws {
        let vae = try vae(shape)
        let latents = try Generator(seed: 8).normal([1, vae.config.zDim, 2, 7, 7])
        let whole = try decoded(vae, latents)
        let one = try decoded(vae, latents, tiling(vae, .frames, tile: 7, stride: 5))
        #expect(try one.distance(to: whole) == 0)
        let (frames, tiles) = try (
            decoded(vae, latents, tiling(vae, .frames, tile: 4, stride: 3)),
            decoded(vae, latents, tiling(vae, .tiles, tile: 4, stride: 3))
        )
        #expect(frames.shape == whole.shape)
        #expect(try frames.distance(to: tiles) == 0)
    }

    @Test(arguments: shapes) func staysNearTheReferenceInSixteenBits(_ shape: String) throws {
        let golden = try Golden("wan/vae-\(shape)")
        let vae = try vae(shape, .bfloat16)
        let latents = try golden.tensor("decode.video.input").onDevice()
        let found = try decoded(vae, latents)
        #expect(found.dtype == .bfloat16)
        #expect(try found.distance(to: golden.tensor("decode.video.output")) <= 0.1)
    }

    @Test func foresaysMemoryThatDoesNotGrowWithTheNumberOfFrames() throws {
        let config = AutoencoderKLWanConfig()
        func bytes(_ frames: Int, _ tiling: VideoTiling? = nil) -> Int {
            let size = OutputSize(height: 480, width: 832, frames: frames)
            return config.decodingBytes(batch: 1, size, dtype: .float32, tiling: tiling).count
        }
        #expect(bytes(161) - bytes(17) < 36 * 2 * 16 * 60 * 104 * 4 + 1)
        var tiling = VideoTiling()
        tiling.order = .tiles
        #expect(bytes(17, tiling) < bytes(17) / 2)
        #expect(bytes(161, tiling) > bytes(17, tiling))
    }

    @Test(arguments: [
        ("attn_scales", "[0.5]"), ("temperal_downsample", "[true]"), ("latents_std", "[1]"), ("patch_size", "0"),
        ("scale_factor_spatial", "16"), ("dim_mult", "[]"),
    ])
    func refusesAConfigThatTheReferenceCannotRun(_ key: String, _ value: String) throws {
        let copy = try TinyCheckpoint(copying: "wan-vae-2.1")
        let json = try JSONSerialization.jsonObject(with: Data(value.utf8), options: .fragmentsAllowed)
        try copy.editJSON("vae/config.json") { $0[key] = json }
        let error = try #require(throws: ConfigError.self) {
            _ = try AutoencoderKLWanConfig.read("\(copy.path)/vae/config.json")
        }
        #expect("\(error)".contains(key))
    }
}
