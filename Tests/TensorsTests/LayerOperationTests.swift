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

    @Test func repeatsPixels() throws {
        let x = try Tensor([1, 2, 3, 4] as [Float], shape: [1, 1, 2, 2])
        #expect(try upsampleNearest2D(x, by: 2).floats() == [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4])
    }
}
