internal import Files
package import Tensors

/// Where a ``Weights`` view gets its tensors from.
package protocol WeightSource: AnyObject {
    /// Every key, or none if the source answers to any.
    var keys: [String] { get }

    /// Where the tensors come from, for people.
    var place: String { get }

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
    func tensor(_ key: String, shape: [Int], plan: ComputePlan) throws -> Tensor

    /// Makes a tensor with its axes in another order, without gaps.
    ///
    /// - Parameters:
    ///   - key: its full name
    ///   - shape: the shape asked for
    ///   - axes: for each axis of the result, which one of the shape it is
    ///   - plan: the type and device wanted
    /// - Returns: a tensor of the permuted shape
    /// - Throws: ``WeightError`` or ``TensorError``
    func tensor(_ key: String, shape: [Int], permuted axes: [Int], plan: ComputePlan) throws -> Tensor

    /// Makes the kernel of a linear layer.
    ///
    /// - Parameters:
    ///   - site: the layer
    ///   - plan: the type and device wanted
    /// - Returns: the kernel
    /// - Throws: ``WeightError``, ``QuantizationError`` or ``TensorError``
    func linear(_ site: LinearSite, plan: ComputePlan) throws -> any LinearKernel

    /// Reads the weight of a linear layer, `[to, from]`, as far as this device has it.
    ///
    /// - Parameters:
    ///   - site: the layer
    ///   - plan: the type and device wanted
    /// - Returns: the weight
    /// - Throws: ``WeightError`` or ``TensorError``
    func weight(of site: LinearSite, plan: ComputePlan) throws -> Tensor

    /// The tensors that there are for a quantised linear layer besides weight and bias.
    func quantizationKeys(of site: LinearSite) -> [String]

    /// Told of keys that a checkpoint may have and the model needs not.
    func disregard(_ keys: WeightKeys)

    /// Told that what is made next belongs to a block of a transformer.
    func beginBlock()

    /// Told that the block is made.
    func endBlock()

    /// Whether tensors come out of files, through the host's memory.
    var readsFiles: Bool { get }
}

extension WeightSource {
    package var place: String { "the weights" }

    package func disregard(_ keys: WeightKeys) {}

    package func beginBlock() {}

    package func endBlock() {}

    package func quantizationKeys(of site: LinearSite) -> [String] { [] }

    package var readsFiles: Bool { false }

    package func tensor(_ key: String, shape: [Int], permuted axes: [Int], plan: ComputePlan) throws -> Tensor {
        try tensor(key, shape: shape, plan: plan).permuted(axes).contiguous()
    }

    package func linear(_ site: LinearSite, plan: ComputePlan) throws -> any LinearKernel {
        let (weight, bias) = try tensors(site, plan: plan)
        if let algorithm = plan.algorithm(of: site) {
            return try QuantizedLinear(quantizing: weight, bias: bias, of: site, algorithm)
        }
        if site.traits.isWide { return WideningLinear(weight: weight, bias: bias) }
        return FloatLinear(weight: weight, bias: bias)
    }

    /// The weight `[to, from]` and the bias of a linear layer, as far as this device has them.
    func tensors(_ site: LinearSite, plan: ComputePlan) throws -> (weight: Tensor, bias: Tensor?) {
        (try weight(of: site, plan: plan), try bias(of: site, plan: plan))
    }

    package func weight(of site: LinearSite, plan: ComputePlan) throws -> Tensor { try wholeOrCut(site, plan) }

    /// The weight of a linear layer as its tensor, or a part of that.
    func wholeOrCut(_ site: LinearSite, _ plan: ComputePlan) throws -> Tensor {
        guard let part = site.part else {
            let weight = try tensor(site.weightKey, shape: site.shape, plan: plan)
            return site.shape.count == 2 ? weight : try weight.reshaped(site.to, site.from)
        }
        // Cut where it lies: nothing else of the file is read, and nothing else goes to a GPU.
        var host = plan
        if readsFiles { host.device = .cpu }
        return try part.cut(tensor(site.weightKey, shape: site.shape, plan: host)).to(on: plan.device)
    }

    /// The bias of a linear layer, `[to]`, as far as this device has it; nil for none.
    func bias(of site: LinearSite, plan: ComputePlan) throws -> Tensor? {
        guard site.hasBias else { return nil }
        let whole = try tensor(site.biasKey, shape: [site.shape[0]], plan: plan)
        return try site.part?.outputs?.cut(whole, axis: 0) ?? whole
    }
}

extension LinearPart {
    /// This part of a weight `[to, from]`.
    func cut(_ whole: Tensor) throws(TensorError) -> Tensor {
        let rows = try outputs?.cut(whole, axis: 0) ?? whole
        return try inputs?.cut(rows, axis: 1) ?? rows
    }
}

extension LinearPart.Pieces {
    /// These pieces of an axis, without gaps.
    func cut(_ whole: Tensor, axis: Int) throws(TensorError) -> Tensor {
        if ranges.count == 1 { return try whole.slice(ranges[0], axis: axis).contiguous() }
        return try concatenate(
            ranges.map { range throws(TensorError) in try whole.slice(range, axis: axis) }, axis: axis)
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

    package func tensor(_ key: String, shape: [Int], plan: ComputePlan) throws -> Tensor {
        let generator = try generators[plan.device] ?? Generator(seed: seed, on: plan.device)
        generators[plan.device] = generator
        return try (generator.normal(shape, on: plan.device) * deviation).to(plan.dtype)
    }
}

/// Notes which names and shapes a model asks for, without memory for any of them.
package final class WeightListing: WeightSource {
    /// What was asked for, in order.
    package private(set) var entries: [(key: String, shape: [Int])] = []
    /// The linear layers among it.
    package private(set) var linears: [LinearSite] = []
    /// Which entries belong to each block.
    package private(set) var blocks: [Range<Int>] = []
    /// The attentions of the model.
    package var attentions: [AttentionSite] = []
    /// What a checkpoint may have besides.
    package private(set) var disregarded: [WeightKeys] = []
    private let checkpoint: Set<String>?

    /// No model has more tensors, nor one of more numbers.
    private static let (countLimit, sizeLimit) = (200_000, 1 << 44)

    /// - Parameter checkpoint: the keys of a checkpoint, so that a model asks for parts under the spelling they have
    ///   there; nil answers to every key
    package init(of checkpoint: Set<String>? = nil) { self.checkpoint = checkpoint }

    package var keys: [String] { [] }

    package func contains(_ key: String) -> Bool { checkpoint?.contains(key) ?? true }

    package func tensor(_ key: String, shape: [Int], plan: ComputePlan) throws -> Tensor {
        guard entries.count < Self.countLimit else { throw WeightError.tooMany(limit: Self.countLimit) }
        var size = 1
        for side in shape {
            let (product, overflow) = size.multipliedReportingOverflow(by: side)
            guard !overflow, 0...Self.sizeLimit ~= product else { throw WeightError.tooLarge(key, shape) }
            size = product
        }
        entries.append((key, shape))
        return try Tensor.full(0, shape.map { _ in 1 }, plan.dtype).expanded(shape)
    }

    /// A view: no memory for the numbers here either.
    package func tensor(_ key: String, shape: [Int], permuted axes: [Int], plan: ComputePlan) throws -> Tensor {
        try tensor(key, shape: shape, plan: plan).permuted(axes)
    }

    package func linear(_ site: LinearSite, plan: ComputePlan) throws -> any LinearKernel {
        linears.append(site)
        let (weight, bias) = try tensors(site, plan: plan)
        return FloatLinear(weight: weight, bias: bias)
    }

    package func disregard(_ keys: WeightKeys) { disregarded.append(keys) }

    package func beginBlock() { blocks.append(entries.count..<entries.count) }

    package func endBlock() { blocks.append(blocks.removeLast().lowerBound..<entries.count) }

    /// Sorts what a checkpoint has besides the tensors that were asked for.
    ///
    /// - Parameter names: of the checkpoint's tensors
    /// - Returns: the names of those that the model is known to leave out, and of those that nobody knows of
    package func surplus(of names: [String]) -> (known: [String], unknown: [String]) {
        let asked = Set(entries.map { ExactText($0.key) })
        let others = names.filter { !asked.contains(ExactText($0)) }
        let isKnown = others.map { name in disregarded.contains { $0.contains(name) } }
        return (
            zip(others, isKnown).filter(\.1).map(\.0), zip(others, isKnown).filter { !$0.1 }.map(\.0)
        )
    }
}
