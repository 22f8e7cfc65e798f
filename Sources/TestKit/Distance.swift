package import Tensors

/// How far an array of numbers is from its reference: the greatest difference, relative to max(1, |reference|).
///
/// Compare it with `<=` inside an expectation; a failure then shows the description.
package struct Distance: Sendable, CustomStringConvertible {
    /// The greatest difference; infinite where the shapes differ or a number is undefined.
    package let value: Double
    package let description: String

    /// - Parameters:
    ///   - name: what is compared, for the message
    ///   - values: the numbers to judge, last axis innermost
    ///   - shape: their shape
    ///   - reference: the numbers they should be
    ///   - referenceShape: their shape
    package init(
        _ name: String, of values: [Double], shape: [Int], to reference: [Double], shape referenceShape: [Int]
    ) {
        guard shape == referenceShape, values.count == reference.count else {
            value = .infinity
            description = "\(name) has shape \(shape) instead of \(referenceShape)"
            return
        }
        var (worst, place) = (0.0, 0)
        for (index, (found, expected)) in zip(values, reference).enumerated() where found != expected {
            let difference = abs(found - expected) / max(1, abs(expected))
            // Written so that an undefined number counts as the worst.
            if !(difference <= worst) { (worst, place) = (difference.isNaN ? .infinity : difference, index) }
        }
        value = worst
        description =
            worst == 0
            ? "\(name) is equal"
            : "\(name) differs by \(worst) at \(Self.coordinates(place, in: shape)): "
                + "\(values[place]) instead of \(reference[place])"
    }

    package static func <= (distance: Distance, limit: Double) -> Bool { distance.value <= limit }
    package static func == (distance: Distance, limit: Double) -> Bool { distance.value == limit }
    package static func > (distance: Distance, limit: Double) -> Bool { distance.value > limit }

    private static func coordinates(_ place: Int, in shape: [Int]) -> [Int] {
        var rest = place
        var result: [Int] = []
        for length in shape.reversed() {
            result.append(rest % max(length, 1))
            rest /= max(length, 1)
        }
        return result.reversed()
    }
}

extension Tensor {
    /// How far the tensor is from a golden.
    ///
    /// - Parameter golden: what it should be
    /// - Returns: the distance
    package func distance(to golden: GoldenTensor) throws(TensorError) -> Distance {
        Distance(golden.name, of: try doubles(), shape: shape, to: golden.doubles, shape: golden.shape)
    }

    /// How far the tensor is from another.
    ///
    /// - Parameters:
    ///   - other: what it should be
    ///   - name: what is compared, for the message
    /// - Returns: the distance
    package func distance(to other: Tensor, _ name: String = "the result") throws(TensorError) -> Distance {
        Distance(name, of: try doubles(), shape: shape, to: try other.doubles(), shape: other.shape)
    }

    /// How far the tensor is from numbers of its own shape.
    ///
    /// - Parameters:
    ///   - reference: what it should be
    ///   - name: what is compared, for the message
    /// - Returns: the distance
    package func distance(to reference: [Double], _ name: String = "the result") throws(TensorError) -> Distance {
        Distance(name, of: try doubles(), shape: shape, to: reference, shape: shape)
    }

    /// The numbers exactly, in two parts of 32 bits.
    private func doubles() throws(TensorError) -> [Double] {
        let high = try floats().map { Double($0) }
        guard dtype == .float64 else { return high }
        let low = try (self - to(.float32).to(.float64)).floats()
        return zip(high, low).map { $0 + Double($1) }
    }
}
