import Diffusion
import Layers
import Models
import Tensors
import TestKit
import Testing

/// What products take for copies of weights in another type.
@Suite struct WeightMemoryTests {
    private static let models = ["flux1-tiny-dev", "wan2.1-tiny-t2v", "ltx2-tiny", "cosmos3-tiny", "qwen-image-tiny"]

    private func weights(_ model: String, _ dtype: DType, on device: Device = .cpu) throws -> [String: WeightMemory] {
        try Catalog.model(CheckpointFolder(TinyCheckpoint.path(of: model))).weights(
            ComputePlan(dtype: dtype, device: device))
    }

    @Test(arguments: models, [DType.bfloat16, .float16]) func areBoundedByTheWeights(_ model: String, _ dtype: DType)
        throws
    {
        for (name, memory) in try weights(model, dtype) {
            // Components with a type of their own have 32 bits.
            let wide = try #require(weights(model, .float32)[name])
            #expect(wide.copies == 0)
            let isNarrow = memory.bytes < wide.bytes
            #expect(memory.copies <= (isNarrow && dtype.mayBeConvertedForProducts ? 2 * wide.bytes : 0), "\(name)")
            if name == "transformer", dtype.mayBeConvertedForProducts { #expect(memory.copies > 0) }
        }
    }

    @Test(arguments: models, [DType.float32, .bfloat16, .float16]) func areNoneOnGPUs(_ model: String, _ dtype: DType)
        throws
    {
        let found = try weights(model, dtype, on: .cuda(0))
        #expect(!found.isEmpty && found.values.allSatisfy { $0.copies == 0 })
    }

    /// However large a weight is, some of its rows are converted at a time.
    @Test(arguments: [DType.float16, .bfloat16]) func areOfSomeRowsAtATime(_ dtype: DType) {
        let factor = dtype.mayBeConvertedForProducts ? 1 : 0
        #expect(dtype.weightCopyBytes(outputs: 100, inputs: 300) == factor * 100 * 300 * 4)
        #expect(dtype.weightCopyBytes(outputs: 1 << 20, inputs: 4096) == factor << 25)
        #expect(dtype.weightCopyBytes(outputs: 1 << 20, inputs: 1 << 16) == factor * (256 << 16) * 4)
        let size = dtype.mayBeConvertedForProducts ? 4 : 2
        #expect(dtype.weightCopyBytes(outputs: 1 << 20, inputs: 4096, isQuantized: true) == size << 22)
    }

    @Test func areMadeOf32BitsOnlyWhereAWeightIsInFewBits() {
        #expect(DType.float32.weightCopyBytes(outputs: 1 << 20, inputs: 4096) == 0)
        #expect(DType.float32.weightCopyBytes(outputs: 1 << 20, inputs: 4096, isQuantized: true) == 1 << 24)
    }
}
