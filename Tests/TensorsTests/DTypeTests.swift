import CTorch
import Tensors
import TestKit
import Testing

/// Numbers that are no `ct_dtype`.
private let unknown = [CT_BOOL.rawValue + 1, 99, .max]

@DeviceActor @Suite struct DTypeTests {
    @Test(arguments: DType.allCases) func comesBackFromTheShim(_ dtype: DType) throws {
        #expect(try Tensor.empty([2], dtype).dtype == dtype)
    }

    @Test func knowsEveryCode() throws {
        #expect(try (0...CT_BOOL.rawValue).map(DType.init(code:)) == DType.allCases)
    }

    @Test(arguments: unknown) func refusesAnUnknownCode(_ code: UInt32) throws {
        let error = try #require(throws: TensorError.self) { _ = try DType(code: code) }
        #expect("\(error)" == "dtype failed: unknown dtype code \(code)")
    }

    @Test(arguments: unknown) func theShimRefusesAnUnknownCode(_ code: UInt32) {
        let dtype = ct_dtype(rawValue: code)
        #expect(ct_empty([2], 1, dtype, -1) == nil)
        #expect(String(cString: ct_error_message()) == "unknown dtype code \(Int32(bitPattern: code))")
        #expect(!ct_may_convert_products(dtype))
    }
}
