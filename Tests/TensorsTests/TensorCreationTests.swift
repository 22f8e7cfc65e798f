import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct TensorCreationTests {
    @Test(arguments: [[], [0], [1], [3, 0, 2], [2, 3], [2, 1, 3, 5]])
    func hasTheShapeItWasMadeWith(_ shape: [Int]) throws {
        let count = shape.reduce(1, *)
        for x in [
            try Tensor.full(1.5, shape), try Tensor.empty(shape),
            try Tensor([Float](repeating: 1.5, count: count), shape: shape),
        ] {
            #expect(x.shape == shape)
            #expect(x.rank == shape.count)
            #expect(x.count == count)
            #expect(x.device == .cpu)
            #expect(x.isContiguous)
        }
        #expect(try Tensor.full(1.5, shape).floats() == [Float](repeating: 1.5, count: count))
    }

    @Test(arguments: DType.allCases)
    func hasTheTypeItWasMadeWith(_ dtype: DType) throws {
        let x = try Tensor.empty([3], dtype)
        #expect(x.dtype == dtype)
        #expect(try Tensor.full(1, [2, 2]).to(dtype).dtype == dtype)
    }

    @Test func countsFromZero() throws {
        #expect(try Tensor.range(5).floats() == [0, 1, 2, 3, 4])
        #expect(try Tensor.range(3, .int64).integers() == [0, 1, 2])
        #expect(try Tensor.range(0).shape == [0])
    }

    @Test func keepsTokenIdsWhole() throws {
        let ids: [Int32] = [0, 1, -1, .max, .min, 49407]
        let x = try Tensor(ids, shape: [2, 3])
        #expect(x.dtype == .int64)
        #expect(try x.integers() == ids.map(Int64.init))
    }

    @Test func givesNumbersBackInRowOrderWhateverTheStrides() throws {
        let x = try Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
        #expect(try x.transposed(0, 1).floats() == [1, 4, 2, 5, 3, 6])
        #expect(try x.slice(1..<3, axis: 1).floats() == [2, 3, 5, 6])
        #expect(try x.select(1, axis: 0).unsqueezed(0).expanded(2, -1).floats() == [4, 5, 6, 4, 5, 6])
    }

    @Test func readsBytesAtAnyAddress() throws {
        let memory = [UInt8](repeating: 0xFF, count: 1) + [0, 0, 128, 63, 0, 0, 0, 192]
        let values = try memory.withUnsafeBytes { bytes in
            try Tensor(bytes: UnsafeRawBufferPointer(rebasing: bytes[1...]), .float32, shape: [2]).floats()
        }
        #expect(values == [1, -2])
    }

    @Test func describesItselfInOneLine() throws {
        #expect(try "\(Tensor.empty([2, 3], .bfloat16))" == "Tensor([2, 3], bfloat16, cpu)")
    }

    @Test(arguments: [("cpu", Device.cpu), ("cuda", .cuda(0)), ("cuda:3", .cuda(3))])
    func readsTheNamesOfDevices(_ name: String, _ device: Device) { #expect(Device(name) == device) }

    @Test(arguments: ["", "gpu", "cuda:", "cuda:-1", "cuda:128", "cuda:x", "CPU", "cpu "])
    func refusesOtherNamesOfDevices(_ name: String) { #expect(Device(name) == nil) }
}

@DeviceActor @Suite struct TensorConversionTests {
    /// The nearest number of a type, ties to even, as IEEE asks.
    @Test(arguments: [
        (DType.bfloat16, [1.00390625, 1.01171875, 3.0e38, -0.0], [1.0, 1.015625, 3.004e38, -0.0]),
        (.float16, [1.00048828125, 65504, 65536, 5.9e-8], [1.0, 65504, Double.infinity, 5.9604644775390625e-8]),
        (.float8E4M3, [0.3, 448, -2], [0.3125, 448, -2]),
        (.float8E5M2, [0.3, 57344, -2], [0.3125, 57344, -2]),
        (.int64, [2.9, -2.9, 0.5], [2, -2, 0]),
        (.uint8, [2.9, 254.9, 0.5], [2, 254, 0]),
        (.bool, [0, 0.1, -3], [0, 1, 1]),
    ])
    func roundsToTheTypeAskedFor(_ dtype: DType, _ values: [Double], _ expected: [Double]) throws {
        let found = try Tensor(values, shape: [values.count]).to(dtype).doubles()
        for (found, expected) in zip(found, expected) {
            #expect(found == expected || abs(found - expected) < abs(expected) * 1e-3)
        }
    }

    @Test(arguments: [DType.float32, .bfloat16, .float16, .int64])
    func isTheSameTensorWhenNothingChanges(_ dtype: DType) throws {
        let owner = Memory([1, 2, 3, 4])
        let x = try owner.tensor([4]).to(dtype)
        let same = try x.to(dtype).to(on: .cpu).to()
        if dtype == .float32 {
            owner.floats[2] = 9
            #expect(try same.floats() == [1, 2, 9, 4])
        }
        #expect(same.dtype == dtype)
    }

    @Test func keepsWhatIsNotANumber() throws {
        for dtype in [DType.bfloat16, .float16, .float64] {
            let x = try Tensor([Float.nan, .infinity, -.infinity], shape: [3]).to(dtype).floats()
            #expect(x[0].isNaN)
            #expect(x[1] == .infinity)
            #expect(x[2] == -.infinity)
        }
        #expect(try !Tensor([1, Float.nan], shape: [2]).isFinite())
        #expect(try Tensor([1, 2] as [Float], shape: [2]).isFinite())
    }
}
