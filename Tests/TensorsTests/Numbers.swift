import Foundation
import Tensors
import TestKit

/// Numbers that look random, the same on every run, with a spread that rounding shows.
func numbers(_ count: Int, seed: Int = 1) -> [Double] {
    (0..<count).map { sin(Double($0 + 1) * 12.9898 + Double(seed) * 78.233) * 2.5 + cos(Double($0 * seed)) * 0.25 }
}

/// A tensor of ``numbers(_:seed:)``, rounded to a type.
func tensor(_ shape: [Int], _ dtype: DType = .float32, seed: Int = 1) throws -> Tensor {
    try Tensor(numbers(shape.reduce(1, *), seed: seed), shape: shape).to(dtype)
}

extension Tensor {
    /// The numbers as doubles, which hold every type's numbers exactly.
    func doubles() throws -> [Double] { try floats().map(Double.init) }
}

/// How much one rounding to a type may change a number near 1.
func rounding(_ dtype: DType) -> Double {
    switch dtype {
    case .bfloat16: 1.0 / 128
    case .float16: 1.0 / 1024
    default: 1e-6
    }
}
