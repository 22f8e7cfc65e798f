import Layers
import Parallel
import Tensors
import TestKit
import Testing

/// Layers that several ranks compute on strips of a picture, and the largest distance from the whole that rounding makes.
private enum Kind: String, CaseIterable {
    case pointwise, convolution, wideConvolution, twoConvolutions, doubled, reflected
    case groupNorm, groupNormSilu, groupNormOfLastChannels, groupNormOfHalo, causal

    /// What the layers see of a picture.
    var stage: DecodingStage {
        let last = DecodingStage(scale: self == .doubled ? 2 : 1)
        return switch self {
        case .pointwise, .groupNorm, .groupNormSilu, .groupNormOfLastChannels: last
        case .convolution, .causal, .reflected: last.before(convolutions: 1)
        case .wideConvolution, .twoConvolutions, .groupNormOfHalo: last.before(convolutions: 2)
        case .doubled: last.before(convolutions: 1).before(enlargingBy: 2)
        }
    }

    var limit: Double {
        switch self {
        case .groupNorm, .groupNormSilu, .groupNormOfLastChannels, .groupNormOfHalo: 2e-6
        default: 1e-6
        }
    }

    /// - Parameter weights: any
    /// - Returns: the layer of images `[batch, 8, height, width]`
    func layer(_ weights: Weights) throws -> (Tensor) throws -> Tensor {
        switch self {
        case .pointwise: return try Convolution2D(weights, from: 8, to: 6, kernel: 1).callAsFunction
        case .convolution: return try Convolution2D(weights, from: 8, to: 6, kernel: 3, padding: 1).callAsFunction
        case .wideConvolution: return try Convolution2D(weights, from: 8, to: 6, kernel: 5, padding: 2).callAsFunction
        case .twoConvolutions:
            let first = try Convolution2D(weights["1"], from: 8, to: 6, kernel: 3, padding: 1)
            let second = try Convolution2D(weights["2"], from: 6, to: 6, kernel: 3, padding: 1)
            return { try second(first($0)) }
        case .reflected:
            let convolution = try Convolution3D(weights, from: 8, to: 6, edges: .reflect)
            return { image in
                let frame = try image.permuted(0, 2, 3, 1).contiguous().unsqueezed(1)
                let ready = try convolution.ready(frame)
                return try convolution(ready: concatenate([ready, ready * 2, ready - 1], axis: 1))
            }
        case .doubled: return try Convolution2D(weights, from: 8, to: 6, kernel: 3, padding: 1).doubled
        case .groupNorm:
            let norm = try GroupNorm(weights, groups: 4, channels: 8, epsilon: 1e-6)
            return { try norm($0) }
        case .groupNormSilu:
            let norm = try GroupNorm(weights, groups: 4, channels: 8, epsilon: 1e-6)
            return { try norm($0, then: .silu) }
        case .groupNormOfHalo:
            let convolution = try Convolution2D(weights["1"], from: 8, to: 8, kernel: 3, padding: 1)
            let norm = try GroupNorm(weights, groups: 4, channels: 8, epsilon: 1e-6)
            return { try convolution(norm(convolution($0), then: .silu)) }
        case .groupNormOfLastChannels:
            let norm = try GroupNorm(weights, groups: 4, channels: 8, epsilon: 1e-6)
            return { try norm($0.permuted(0, 2, 3, 1).contiguous().permuted(0, 3, 1, 2), then: .silu) }
        case .causal:
            let convolution = try CausalConvolution3D(weights, from: 8, to: 6)
            return { image in
                var history = FrameHistory(isOfImage: false)
                let frame = try image.permuted(0, 2, 3, 1).contiguous().unsqueezed(1)
                let results = try [1, -0.5, 0.25, 2].map { try convolution(frame * $0 + $0, &history) }
                return try concatenate(results, axis: 1)
            }
        }
    }
}

@DeviceActor @Suite struct PictureCutTests {
    /// A picture of 7 rows and 9 columns, larger than its groups' means.
    private nonisolated static func picture() throws -> Tensor { try Generator(seed: 5).normal([2, 8, 7, 9]) + 3 }

    @Test(arguments: Kind.allCases, [(2, PictureSide.width), (2, .height), (3, .width), (3, .height)])
    private func computesInStripsWhatTheWholeComputes(_ kind: Kind, _ cut: (ranks: Int, side: PictureSide)) async throws
    {
        let whole = try kind.layer(Weights(RandomWeights(deviation: 0.2)))(Self.picture())
        let (expected, shape) = (try whole.floats().map(Double.init), whole.shape)
        let found = try await decodingTogether(cut.ranks, along: cut.side) { context in
            let (x, layer) = (try Self.picture(), try kind.layer(Weights(RandomWeights(deviation: 0.2), context)))
            let joined = try context.inStrips(of: x) { picture in
                try picture.map {
                    try $0.joined(layer(context.narrowed(x, to: kind.stage)), scale: kind == .doubled ? 2 : 1)
                }
            }
            return (try joined?.floats().map(Double.init) ?? [], joined?.shape ?? [])
        }
        for (values, joined) in found {
            #expect(
                Distance(kind.rawValue, of: values, shape: joined, to: expected, shape: shape) <= kind.limit)
        }
    }

    @Test func joinsTokensInThePicturesOrder() async throws {
        let picture = try Tensor.range(5 * 4).reshaped(1, 1, 5, 4, 1)
        let expected = try picture.floats()
        for side in [PictureSide.height, .width] {
            let found = try await decodingTogether(3, along: side) { context in
                let x = try Tensor.range(5 * 4).reshaped(1, 1, 5, 4, 1)
                return try context.inStrips(of: x) { picture in
                    guard let picture else { return [Float]() }
                    let strip = try context.narrowed(x, to: DecodingStage(scale: 1, reach: 1))
                    let tokens = try strip.reshaped(1, -1, 1)
                    return try picture.joined(tokens: tokens, height: strip.size(2), width: strip.size(3)).floats()
                }
            }
            #expect(found == [expected, expected, expected])
        }
    }

    /// Of 3 ranks that share 9 columns the one in the middle has a halo on either side, the others on one.
    @Test func narrowsAStripFromStageToStage() async throws {
        let found = try await decodingTogether(3, along: .width) { context in
            let latents = try Tensor.range(9).reshaped(1, 1, 1, 9, 1)
            return try context.inStrips(of: latents) { _ in
                let first = try context.narrowed(latents, to: DecodingStage(scale: 1, reach: 2))
                let second = try context.narrowed(first, to: DecodingStage(scale: 1, reach: 1))
                let third = try context.narrowed(second.repeated(2, axis: 3), to: DecodingStage(scale: 2, reach: 1))
                return try [first, second, third].map { try $0.floats() }
            }
        }
        #expect(
            found == [
                [[0, 1, 2, 3, 4], [0, 1, 2, 3], [0, 0, 1, 1, 2, 2, 3]],
                [[1, 2, 3, 4, 5, 6, 7], [2, 3, 4, 5, 6], [2, 3, 3, 4, 4, 5, 5, 6]],
                [[4, 5, 6, 7, 8], [5, 6, 7, 8], [5, 6, 6, 7, 7, 8, 8]],
            ])
    }

    /// A strip whose halo goes beyond its neighbour, and over the picture's edge.
    @Test func seesNoMoreThanThereIs() async throws {
        let found = try await decodingTogether(4, along: .width) { context in
            let latents = try Tensor.range(5).reshaped(1, 1, 1, 5, 1)
            return try context.inStrips(of: latents) { picture in
                let wide = try context.narrowed(latents, to: DecodingStage(scale: 1, reach: 2))
                return [try wide.floats(), try picture?.joined(wide, scale: 1).floats() ?? []]
            }
        }
        let all: [Float] = [0, 1, 2, 3, 4]
        #expect(found.map { $0[0] } == [[0, 1, 2, 3], all, [1, 2, 3, 4], [2, 3, 4]])
        #expect(found.map { $0[1] } == [all, all, all, all])
    }

    @Test func aStageIsFoundFromTheOneAfterIt() {
        let last = DecodingStage(scale: 8).before(convolutions: 7)
        #expect(last == DecodingStage(scale: 8, reach: 7))
        #expect(last.before(convolutions: 1).before(enlargingBy: 2) == DecodingStage(scale: 4, reach: 4))
        #expect(last.before(enlargingBy: 2).before(convolutions: 1) == DecodingStage(scale: 4, reach: 5))
    }

    /// No rank waits for another.
    @Test func refusesAStripOfAnotherScale() async throws {
        let found = try await decodingTogether(3, along: .width) { context in
            let latents = try Tensor.full(0, [1, 1, 1, 9, 1])
            return context.inStrips(of: latents) { picture in
                guard picture != nil else { return "" }
                do throws(TensorError) {
                    _ = try context.narrowed(Tensor.full(0, [1, 1, 1, 5, 1]), to: DecodingStage(scale: 2))
                    return ""
                } catch {
                    return "\(error)"
                }
            }
        }
        #expect(
            found
                == Array(
                    repeating: "decoding in strips failed: 5 positions are no strip of 3 latents at scale 2", count: 3))
    }

    /// Where there are fewer latents than ranks, and where ranks do not decode together.
    @Test func leavesWholeWhatIsNotShared() async throws {
        let found = try await decodingTogether(3, along: .width) { context in
            let (small, large) = (try Tensor.full(0, [1, 4, 9, 2]), try Tensor.full(0, [1, 4, 2, 3]))
            let isShared = [small, large].map { x in context.inStrips(of: x) { $0 != nil } }
            context.decodesTogether = false
            return isShared + [context.inStrips(of: large) { $0 != nil }]
        }
        #expect(found == Array(repeating: [false, true, false], count: 3))
        let alone = ComputeContext(ComputePlan())
        #expect(try alone.inStrips(of: Tensor.full(0, [1, 4, 9, 9])) { $0 == nil })
    }
}
