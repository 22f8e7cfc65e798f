import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct VideoOperationTests {
    @Test(arguments: FusedCase.all([[1, 1, 1], [2, 3, 7], [3, 4, 33], [1, 700, 96]]))
    func normalisesAndActivatesByTheFormula(_ test: FusedCase) throws {
        let width = test.shape[2]
        let x = try test.input()
        let weight = try tensor([width], .float32, seed: 2)
        let result = try rmsNormSilu(x, weight: weight, epsilon: 1e-6)
        let wide = try x.to(.float32)
        let normal = try wide / sqrt((wide * wide).sum(over: -1) / Double(width) + 1e-6) * weight
        #expect(result.dtype == test.dtype)
        #expect(result.isContiguous)
        let limit = test.dtype == .float32 ? 2e-6 : test.dtype == .float16 ? 1e-3 : 8e-3
        #expect(try result.to(.float32).distance(to: normal / (1 + exp(-normal))) <= limit)
    }

    /// A window over frames is the sum of its images' convolutions.
    @Test(arguments: [DType.float32, .bfloat16]) func sumsTheConvolutionsOfFrames(_ dtype: DType) throws {
        let x = try tensor([2, 3, 5, 4, 7], dtype, seed: 1)
        let weight = try tensor([6, 3, 3, 3, 7], dtype, seed: 2) * 0.1
        let bias = try tensor([6], dtype, seed: 3)
        let result = try convolution3D(x, weight: weight, bias: bias, padding: 1)
        #expect(result.shape == [2, 1, 5, 4, 6])
        #expect(result.dtype == dtype)
        #expect(result.isContiguous)
        var sum = try bias.to(.float32).reshaped(1, 6, 1, 1)
        for frame in 0..<3 {
            let image = try x.select(frame, axis: 1).permuted(0, 3, 1, 2).to(.float32)
            let window = try weight.select(frame, axis: 1).permuted(0, 3, 1, 2).to(.float32)
            sum = try sum + convolution2D(image, weight: window, bias: nil, stride: 1, padding: 1)
        }
        let expected = try sum.permuted(0, 2, 3, 1).unsqueezed(1)
        #expect(try result.to(.float32).distance(to: expected) <= (dtype == .float32 ? 1e-5 : 8e-3))
    }

    @Test func refusesAKernelOfOtherChannels() throws {
        let x = try Tensor.full(0, [1, 1, 4, 4, 3])
        #expect(throws: TensorError.self) {
            _ = try convolution3D(x, weight: Tensor.full(0, [2, 1, 3, 3, 4]), bias: nil, padding: 1)
        }
        #expect(throws: TensorError.self) { _ = try rmsNormSilu(x, weight: Tensor.full(0, [4]), epsilon: 0) }
    }
}
