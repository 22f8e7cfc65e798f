package import Tensors

/// Where a ``Weights`` view gets its tensors from.
package protocol WeightSource: AnyObject {
    /// Every key, or none if the source answers to any.
    var keys: [String] { get }

    /// Whether there is a tensor of this name.
    func contains(_ key: String) -> Bool

    /// Makes the tensor that a module asks for.
    ///
    /// - Parameters:
    ///   - key: its full name
    ///   - shape: the shape asked for
    ///   - plan: the type and device wanted
    /// - Returns: a tensor of that shape
    /// - Throws: ``WeightError`` or ``TensorError``
    func tensor(_ key: String, shape: [Int], plan: ExecutionPlan) throws -> Tensor

    /// Makes a tensor with its axes in another order, without gaps.
    ///
    /// - Parameters:
    ///   - key: its full name
    ///   - shape: the shape asked for
    ///   - axes: for each axis of the result, which one of the shape it is
    ///   - plan: the type and device wanted
    /// - Returns: a tensor of the permuted shape
    /// - Throws: ``WeightError`` or ``TensorError``
    func tensor(_ key: String, shape: [Int], permuted axes: [Int], plan: ExecutionPlan) throws -> Tensor

    /// Makes the weight of a linear layer, laid out as products read it.
    ///
    /// - Parameters:
    ///   - key: its full name
    ///   - shape: the shape asked for
    ///   - plan: the type and device wanted
    /// - Returns: a tensor for linear layers only
    /// - Throws: ``WeightError`` or ``TensorError``
    func matrix(_ key: String, shape: [Int], plan: ExecutionPlan) throws -> Tensor

    /// Told of a key that a checkpoint may have and the model needs not.
    func disregard(_ key: String)
}

extension WeightSource {
    package func disregard(_ key: String) {}

    package func tensor(_ key: String, shape: [Int], permuted axes: [Int], plan: ExecutionPlan) throws -> Tensor {
        try tensor(key, shape: shape, plan: plan).permuted(axes).contiguous()
    }

    package func matrix(_ key: String, shape: [Int], plan: ExecutionPlan) throws -> Tensor {
        let weight = try tensor(key, shape: shape, plan: plan)
        return plan.packsWeights ? try weight.packedForProducts() : weight
    }
}

/// Random numbers under every name: a model of real width without a checkpoint, for benchmarks.
package final class RandomWeights: WeightSource {
    private let seed: UInt64
    private let deviation: Double
    private var generators: [Device: Generator] = [:]

    /// - Parameters:
    ///   - seed: decides the numbers, together with the device they are drawn on
    ///   - deviation: their standard deviation
    package init(seed: UInt64 = 0, deviation: Double = 0.02) { (self.seed, self.deviation) = (seed, deviation) }

    package var keys: [String] { [] }

    package func contains(_ key: String) -> Bool { true }

    package func tensor(_ key: String, shape: [Int], plan: ExecutionPlan) throws -> Tensor {
        let generator = try generators[plan.device] ?? Generator(seed: seed, on: plan.device)
        generators[plan.device] = generator
        return try (generator.normal(shape, on: plan.device) * deviation).to(plan.dtype)
    }
}

/// Notes which names and shapes a model asks for, without memory for any of them.
package final class WeightListing: WeightSource {
    /// What was asked for, in order.
    package private(set) var entries: [(key: String, shape: [Int])] = []
    /// What a checkpoint may have besides.
    package private(set) var disregarded: [String] = []
    private let checkpoint: Set<String>?

    /// - Parameter checkpoint: the keys of a checkpoint, so that a model asks for parts under the spelling they have
    ///   there; nil answers to every key
    package init(of checkpoint: Set<String>? = nil) { self.checkpoint = checkpoint }

    package var keys: [String] { [] }

    package func contains(_ key: String) -> Bool { checkpoint?.contains(key) ?? true }

    package func tensor(_ key: String, shape: [Int], plan: ExecutionPlan) throws -> Tensor {
        entries.append((key, shape))
        return try Tensor.full(0, shape.map { _ in 1 }, plan.dtype).expanded(shape)
    }

    /// A view: no memory for the numbers here either.
    package func tensor(_ key: String, shape: [Int], permuted axes: [Int], plan: ExecutionPlan) throws -> Tensor {
        try tensor(key, shape: shape, plan: plan).permuted(axes)
    }

    package func matrix(_ key: String, shape: [Int], plan: ExecutionPlan) throws -> Tensor {
        try tensor(key, shape: shape, plan: plan)
    }

    package func disregard(_ key: String) { disregarded.append(key) }
}
