import Foundation
import Tensors
import TestKit
import Testing

/// LibTorch's operations as the shim calls them, against loops written from their definitions.
@DeviceActor @Suite struct LayerOperationTests {
    @Test func multipliesMatricesOfABatch() throws {
        let (a, b) = try (tensor([2, 3, 4]), tensor([4, 5], seed: 2))
        let (x, y) = try (a.doubles(), b.doubles())
        var expected: [Double] = []
        for row in 0..<6 {
            for column in 0..<5 {
                var sum = 0.0
                for k in 0..<4 { sum += x[row * 4 + k] * y[k * 5 + column] }
                expected.append(sum)
            }
        }
        let product = try matmul(a, b)
        #expect(product.shape == [2, 3, 5])
        #expect(try product.distance(to: expected) <= 1e-6)
    }

    @Test func appliesALinearLayer() throws {
        let (x, weight, bias) = try (tensor([2, 3]), tensor([4, 3], seed: 2), tensor([4], seed: 3))
        let expected = try matmul(x, weight.transposed(0, 1))
        #expect(try linear(x, weight: weight, bias: nil).distance(to: expected) <= 1e-6)
        #expect(try linear(x, weight: weight, bias: bias).distance(to: expected + bias) <= 1e-6)
    }

    @Test(arguments: [DType.float32, .bfloat16, .float16], [1, 3])
    func appliesALinearLayerAndGELU(_ dtype: DType, _ batch: Int) throws {
        let (x, weight) = try (tensor([batch, 40, 33], dtype) * 0.2, tensor([70, 33], dtype, seed: 2))
        let bias = try tensor([70], dtype, seed: 3)
        let expected = try geluTanh(linear(x, weight: weight, bias: bias).to(.float32))
        let result = try linearGELUTanh(x, weight: weight, bias: bias)
        #expect(result.dtype == dtype)
        #expect(try result.to(.float32).distance(to: expected) <= 2 * rounding(dtype))
        let beside = try tensor([batch, 40, 5], dtype, seed: 4)
        let joined = try linearGELUTanh(x, weight: weight, bias: bias, beside: beside)
        #expect(joined.dtype == dtype)
        #expect(try joined.distance(to: concatenate([beside, result], axis: 2)) == 0)
    }

    @Test(arguments: [DType.float32, .bfloat16, .float16], [1, 3])
    func putsALinearLayerBehindOtherTokens(_ dtype: DType, _ batch: Int) throws {
        let (x, weight) = try (tensor([batch, 40, 33], dtype) * 0.2, tensor([70, 33], dtype, seed: 2))
        for (others, bias) in [(0, nil), (1, try tensor([70], dtype, seed: 3)), (9, nil)] {
            let before = try tensor([batch, others, 70], dtype, seed: 4)
            let joined = try linear(x, weight: weight, bias: bias, behind: before)
            let expected = try concatenate([before, linear(x, weight: weight, bias: bias)], axis: 1)
            #expect(joined.dtype == dtype)
            #expect(try joined.floats() == expected.floats())
        }
    }

    /// Kernels take rows, and the columns of a weight, in parts of their own: here they meet whole and broken ones.
    @Test(arguments: [1, 17, 2049], [33, 1057]) func multipliesSixteenBitsOfAnySize(_ rows: Int, _ width: Int) throws {
        let (x, weight) = try (tensor([1, rows, width], .bfloat16), tensor([300, width], .bfloat16, seed: 2))
        for bias in [nil, try tensor([300], .bfloat16, seed: 3)] {
            let product = try matmul(x.to(.float64), weight.to(.float64).transposed(0, 1))
            let expected = try bias.map { try product + $0.to(.float64) } ?? product
            #expect(try linear(x, weight: weight, bias: bias).to(.float64).distance(to: expected) <= 4e-3)
        }
    }

    @Test(arguments: [(1, 0), (1, 1), (2, 1), (2, 0)])
    func convolves(_ stride: Int, _ padding: Int) throws {
        let (x, weight, bias) = try (tensor([2, 3, 6, 5]), tensor([4, 3, 3, 3], seed: 2), tensor([4], seed: 3))
        let (pixels, kernel, offsets) = try (x.doubles(), weight.doubles(), bias.doubles())
        let (height, width) = ((6 + 2 * padding - 3) / stride + 1, (5 + 2 * padding - 3) / stride + 1)
        var expected: [Double] = []
        for batch in 0..<2 {
            for out in 0..<4 {
                for place in 0..<height * width {
                    var sum = offsets[out]
                    for tap in 0..<27 {
                        let (channel, dy, dx) = (tap / 9, tap / 3 % 3, tap % 3)
                        let (y, x) = (place / width * stride + dy - padding, place % width * stride + dx - padding)
                        guard (0..<6).contains(y), (0..<5).contains(x) else { continue }
                        sum += pixels[((batch * 3 + channel) * 6 + y) * 5 + x] * kernel[out * 27 + tap]
                    }
                    expected.append(sum)
                }
            }
        }
        let result = try convolution2D(x, weight: weight, bias: bias, stride: stride, padding: padding)
        #expect(result.shape == [2, 4, height, width])
        #expect(try result.distance(to: expected) <= 2e-6)
    }

    @Test func looksRowsUp() throws {
        let table = try tensor([5, 3])
        let rows = try embedding(Tensor([4, 0, 4, 2] as [Int32], shape: [2, 2]), table: table)
        #expect(rows.shape == [2, 2, 3])
        #expect(
            try rows.select(0, axis: 0).floats() == table.select(4, axis: 0).floats()
                + table.select(0, axis: 0).floats())
    }

    @Test func normsGiveMeanZeroAndSquareOne() throws {
        let x = try tensor([3, 40])
        let layer = try layerNorm(x, epsilon: 0)
        #expect(try layer.mean(over: 1).distance(to: [0, 0, 0]) <= 1e-6)
        #expect(try (layer * layer).mean(over: 1).distance(to: [1, 1, 1]) <= 1e-5)
        let rms = try rmsNorm(x, epsilon: 0)
        #expect(try (rms * rms).mean(over: 1).distance(to: [1, 1, 1]) <= 1e-5)
        #expect(try rms.distance(to: x / sqrt((x * x).mean(over: 1))) <= 1e-6)
    }

    @Test func normsTakeWeightsAndBiases() throws {
        let (x, weight, bias) = try (tensor([3, 8]), tensor([8], seed: 2), tensor([8], seed: 3))
        let expected = try layerNorm(x, epsilon: 1e-5) * weight + bias
        #expect(try layerNorm(x, weight: weight, bias: bias, epsilon: 1e-5).distance(to: expected) <= 1e-6)
        #expect(try rmsNorm(x, weight: weight, epsilon: 1e-5).distance(to: rmsNorm(x, epsilon: 1e-5) * weight) <= 1e-6)
    }

    @Test func normsGroupsOfChannels() throws {
        let x = try tensor([2, 4, 3, 3])
        let (one, zero) = try (Tensor.full(1, [4]), Tensor.full(0, [4]))
        let expected = try layerNorm(x.reshaped(2, 2, 18), epsilon: 1e-6).reshaped(2, 4, 3, 3)
        #expect(try groupNorm(x, groups: 2, weight: one, bias: zero, epsilon: 1e-6).distance(to: expected) <= 1e-6)
    }

    @Test func softmaxSumsToOneEvenForLargeNumbers() throws {
        let x = try tensor([3, 5]) * 1000
        #expect(try softmax(x, axis: -1).sum(over: 1).distance(to: [1, 1, 1]) <= 1e-6)
        #expect(try softmax(x, axis: 0).isFinite())
    }

    /// Channels last and channels first, small images and such as are measured in several parts; in 16 bits too.
    @Test(arguments: [(1, 1), (3, 5), (70, 90)], [DType.float32, .bfloat16, .float16])
    func normsGroupsOfChannelsBeforeSilu(
        _ size: (height: Int, width: Int), _ dtype: DType
    ) throws {
        let x = try (tensor([2, size.height, size.width, 12]) * 3 + 5).to(dtype).permuted(0, 3, 1, 2)
        let (weight, bias) = try (tensor([12], seed: 2).to(dtype), tensor([12], seed: 3).to(dtype))
        let (values, scales, shifts) = try (x.contiguous().doubles(), weight.doubles(), bias.doubles())
        let area = size.height * size.width
        var expected: [Double] = []
        for group in 0..<8 {
            let members = values[group * 3 * area..<(group + 1) * 3 * area]
            let mean = members.reduce(0, +) / Double(members.count)
            let variance = members.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(members.count)
            for (index, value) in members.enumerated() {
                let channel = group % 4 * 3 + index / area
                let normal = (value - mean) / (variance + 1e-6).squareRoot() * scales[channel] + shifts[channel]
                expected.append(normal / (1 + exp(-normal)))
            }
        }
        for input in [x, try x.contiguous()] {
            let found = try groupNormSilu(input, groups: 4, weight: weight, bias: bias, epsilon: 1e-6)
            #expect(found.dtype == dtype && found.shape == x.shape)
            #expect(try found.to(.float32).distance(to: expected) <= (dtype == .float32 ? 2e-6 : 1e-2))
        }
    }

    /// Where every pixel stands four times, the convolution of the repeated pixels is what is asked for.
    @Test(arguments: [(1, 1), (2, 3), (17, 33)], [DType.float32, .bfloat16, .float16]) func convolvesDoubledImages(
        _ size: (height: Int, width: Int), _ dtype: DType
    ) throws {
        let x = try tensor([2, size.height, size.width, 6]).to(dtype).permuted(0, 3, 1, 2)
        let (weight, bias) = try (tensor([8, 6, 3, 3], seed: 2).to(dtype), tensor([8], seed: 3).to(dtype))
        let (pixels, weights, biases) = try (x.contiguous().doubles(), weight.doubles(), bias.doubles())
        func pixel(_ channel: Int, _ y: Int, _ x: Int) -> Double {
            guard 0..<2 * size.height ~= y, 0..<2 * size.width ~= x else { return 0 }
            return pixels[(channel * size.height + y / 2) * size.width + x / 2]
        }
        var expected: [Double] = []
        for (item, output) in [0, 1].flatMap({ item in (0..<8).map { (item, $0) } }) {
            for (y, x) in (0..<2 * size.height).flatMap({ y in (0..<2 * size.width).map { (y, $0) } }) {
                var sum = biases[output]
                for place in 0..<54 {
                    let (channel, dy, dx) = (place / 9, place % 9 / 3 - 1, place % 3 - 1)
                    sum += weights[54 * output + place] * pixel(6 * item + channel, y + dy, x + dx)
                }
                expected.append(sum)
            }
        }
        let found = try doubledConvolution2D(x, weight: weight, bias: bias)
        #expect(found.dtype == dtype && found.shape == [2, 8, 2 * size.height, 2 * size.width])
        #expect(try found.to(.float32).distance(to: expected) <= (dtype == .float32 ? 1e-5 : 1e-2))
    }

    @Test(arguments: [DType.float32, .bfloat16, .float16]) func measuresGroupsOfChannels(_ dtype: DType) throws {
        let x = try (tensor([2, 5, 3, 12]) + 4).to(dtype).permuted(0, 3, 1, 2)
        let values = try x.contiguous().doubles()
        var expected: [Double] = []
        for group in 0..<8 {
            let members = values[group * 45..<(group + 1) * 45]
            let mean = members.reduce(0, +) / 45
            expected += [45, mean, members.map { ($0 - mean) * ($0 - mean) }.reduce(0, +)]
        }
        for input in [x, try x.contiguous()] {
            let found = try groupMoments(input, groups: 4)
            #expect(found.dtype == .float32 && found.shape == [2, 4, 3])
            #expect(try found.distance(to: expected) <= 1e-6)
        }
    }

    /// By moments of parts of different sizes and means, parts are normalised as the whole is.
    @Test(arguments: [DType.float32, .bfloat16, .float16]) func normalisesGroupsByTheMomentsOfParts(_ dtype: DType)
        throws
    {
        var x = try tensor([2, 5, 6, 12]) + 4
        x = try concatenate([x.slice(0..<2, axis: 2), x.slice(2..<6, axis: 2) * 2 - 3], axis: 2).to(dtype)
            .permuted(0, 3, 1, 2)
        let (weight, bias) = try (tensor([12], seed: 2).to(dtype), tensor([12], seed: 3).to(dtype))
        let wide = try (x.to(.float32), weight.to(.float32), bias.to(.float32))
        let expected = try groupNorm(wide.0, groups: 4, weight: wide.1, bias: wide.2, epsilon: 1e-6)
        let parts = try [x.slice(0..<2, axis: 3), x.slice(2..<6, axis: 3)]
        for layout in [{ (x: Tensor) in try x.cloned() }, { (x: Tensor) in try x.contiguous() }] {
            let moments = try concatenate(parts.map { try groupMoments(layout($0), groups: 4).unsqueezed(0) }, axis: 0)
            let plain = try jointGroupNorm(layout(x), moments: moments, weight: weight, bias: bias, epsilon: 1e-6)
            let gated = try jointGroupNormSilu(layout(x), moments: moments, weight: weight, bias: bias, epsilon: 1e-6)
            #expect(plain.dtype == dtype && gated.dtype == dtype && plain.shape == x.shape && gated.shape == x.shape)
            let limit = dtype == .float32 ? 2e-6 : 1e-2
            #expect(try plain.to(.float32).distance(to: expected) <= limit)
            #expect(try gated.to(.float32).distance(to: silu(expected)) <= limit)
        }
    }

    @Test func refusesMomentsOfOtherGroups() throws {
        let (x, weight) = try (tensor([1, 6, 2, 2]), tensor([6]))
        for shape in [[1, 1, 4, 3], [1, 2, 3, 3], [1, 1, 3, 2], [0, 1, 3, 3], [1, 3, 3]] {
            #expect(throws: TensorError.self) {
                try jointGroupNorm(x, moments: Tensor.full(1, shape), weight: weight, bias: weight, epsilon: 1e-6)
            }
        }
    }
}
