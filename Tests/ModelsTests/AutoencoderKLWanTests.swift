import Layers
import Models
import TestKit
import Tensors
import Testing

@DeviceActor @Suite struct AutoencoderKLWanTests {
    nonisolated static let shapes = ["2.1", "2.2"]

    private func vae(_ shape: String) throws -> AutoencoderKLWan {
        let folder = "\(Golden.folder)/checkpoints/wan-vae-\(shape)/vae"
        let weights = Weights(try CheckpointWeights(folder: folder))
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
}
