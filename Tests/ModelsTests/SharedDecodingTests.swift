import Layers
import Models
import Parallel
import Tensors
import TestKit
import Testing

/// An autoencoder whose pictures several ranks decode together.
private enum Decoder: String, CaseIterable {
    case flux1 = "flux1-tiny-dev"
    case flux2 = "flux2-tiny-dev"
    case qwenImage = "qwen-image-tiny"
    case wan21 = "wan-vae-2.1"
    case wan22 = "wan-vae-2.2"
    case ltx20 = "ltx2-tiny"
    case ltx23 = "ltx2.3-tiny"

    /// The largest distance from the whole: moments of groups are summed otherwise, and some windows over frames are, as the
    /// kernel depends on the size.
    static let limit = 1e-5

    /// How often ranks meet in a decoding: for keys and values of each latent frame, and for its pixels, which of two frames of
    /// LTX-2 all come when its last steps end, one after the other; and for the moments of each group norm.
    var meetings: Int {
        switch self {
        case .flux1, .flux2: 2 + 24
        case .qwenImage: 2
        case .wan21, .wan22: 3 * 2
        case .ltx20: 4
        case .ltx23: 6
        }
    }

    /// Decodes random latents 5 high and 7 wide, of a video three frames.
    ///
    /// - Parameters:
    ///   - context: what the autoencoder computes with
    ///   - tiled: whether a video is in tiles
    ///   - width: of the latents
    /// - Returns: the numbers and their shape
    func decode(_ context: ComputeContext, tiled: Bool = false, width: Int = 7) throws
        -> (values: [Double], shape: [Int])
    {
        let folder = "\(Golden.folder)/checkpoints/\(rawValue)/vae"
        let weights = Weights(try CheckpointWeights(folder: folder), context, for: .vae)
        let config = "\(folder)/config.json"
        func latents(_ shape: Int...) throws -> Tensor { try Generator(seed: 3).normal(shape) }
        var decoded: Tensor
        switch self {
        case .flux1:
            let vae = try AutoencoderKL(weights, AutoencoderKLConfig.read(config).0)
            decoded = try vae.decode(latents(1, vae.config.latentChannels, 5, width))
        case .flux2:
            let vae = try AutoencoderKLFlux2(weights, AutoencoderKLFlux2Config.read(config).0)
            decoded = try vae.decode(latents(1, vae.config.latentChannels, 5, width))
        case .qwenImage, .wan21, .wan22:
            let vae = try AutoencoderKLWan(weights, AutoencoderKLWanConfig.read(config).0)
            var (frames, tiling): ([Tensor], VideoTiling?) = ([], nil)
            if tiled {
                let scale = vae.config.scaleFactor
                var tiles = VideoTiling()
                (tiles.height, tiles.width) = (4 * scale, 4 * scale)
                (tiles.strideHeight, tiles.strideWidth) = (3 * scale, 3 * scale)
                tiling = tiles
            }
            try vae.decode(latents(1, vae.config.zDim, self == .qwenImage ? 1 : 3, 5, width), tiling: tiling) {
                frames.append($0)
            }
            decoded = try concatenate(frames, axis: 2)
        case .ltx20, .ltx23:
            let vae = try AutoencoderKLLTX2Video(weights, AutoencoderKLLTX2VideoConfig.read(config).0)
            var (frames, tiling): ([Tensor], LTX2VideoTiling?) = ([], nil)
            if tiled {
                var (space, tiles) = (VideoTiling(), LTX2VideoTiling())
                // The last tile is two columns wide, the least that can be reflected.
                (space.height, space.width, space.strideHeight, space.strideWidth) = (192, 192, 160, 160)
                tiles.space = space
                tiling = tiles
            }
            try vae.decode(latents(1, vae.config.latentChannels, 2, 5, width), tiling: tiling) { frames.append($0) }
            decoded = try concatenate(frames, axis: 2)
        }
        return (try decoded.floats().map(Double.init), decoded.shape)
    }
}

extension Decoder {
    /// What one rank makes, on one thread as each of several: convolutions sum otherwise on two.
    fileprivate func whole(tiled: Bool = false, width: Int = 7) async throws -> (values: [Double], shape: [Int]) {
        try await decodingTogether(1, along: .width) { try decode($0, tiled: tiled, width: width) }[0]
    }
}

@DeviceActor @Suite struct SharedDecodingTests {
    @Test(arguments: Decoder.allCases, [(2, PictureSide.width), (2, .height), (3, .width), (3, .height)])
    private func decodesInStripsWhatTheWholeDecodes(_ decoder: Decoder, _ cut: (ranks: Int, side: PictureSide))
        async throws
    {
        let whole = try await decoder.whole()
        let found = try await decodingTogether(cut.ranks, along: cut.side) { context in
            let decoded = try decoder.decode(context)
            return (decoded.values, decoded.shape, context.ranks?[.decoding]?.traffic ?? GroupTraffic())
        }
        for (values, shape, traffic) in found {
            #expect(traffic.total.calls == decoder.meetings)
            #expect(traffic[.allGather].calls == decoder.meetings)
            #expect(
                Distance(decoder.rawValue, of: values, shape: shape, to: whole.values, shape: whole.shape)
                    <= Decoder.limit)
        }
    }

    /// Of pictures so wide that no rank sees all latents in any stage.
    @Test(arguments: Decoder.allCases) private func decodesStripsOfWidePictures(_ decoder: Decoder) async throws {
        let whole = try await decoder.whole(width: 56)
        let found = try await decodingTogether(2, along: .width) { try decoder.decode($0, width: 56) }
        for (values, shape) in found {
            #expect(
                Distance(decoder.rawValue, of: values, shape: shape, to: whole.values, shape: whole.shape)
                    <= Decoder.limit)
        }
    }

    /// Every tile is cut, those that are as narrow as one latent excepted.
    @Test(arguments: [Decoder.wan21, .wan22, .ltx20], [PictureSide.width, .height])
    private func decodesTilesInStrips(_ decoder: Decoder, _ side: PictureSide) async throws {
        let whole = try await decoder.whole(tiled: true)
        let found = try await decodingTogether(2, along: side) { try decoder.decode($0, tiled: true) }
        for (values, shape) in found {
            #expect(
                Distance(decoder.rawValue, of: values, shape: shape, to: whole.values, shape: whole.shape)
                    <= Decoder.limit)
        }
    }
}
