internal import Files
internal import Parallel
package import Tensors

/// A view of one part of a model's weights: where a module reads its parameters.
///
/// `weights["blocks"][3]["norm"]` is the view of all keys that begin with `blocks.3.norm.`. What a module does not need
/// to know (type, device, kernels) travels in ``context`` and ``plan``; every key that is read is noted, so that
/// ``requireAllRead()`` can name the ones nobody asked for.
package struct Weights {
    private let source: any WeightSource
    private let ledger: WeightLedger
    private let prefix: String
    /// What the modules built from this view compute with.
    package let context: ComputeContext
    /// How they compute.
    package let plan: ComputePlan
    /// What the component is for.
    package let role: ComponentRole

    /// Views all weights of a component.
    ///
    /// - Parameters:
    ///   - source: a checkpoint, random numbers, or a listing
    ///   - context: what the modules compute with
    ///   - role: what the component is for
    ///   - dtype: the type that it keeps to whatever the model's; nil if it follows the model
    package init(
        _ source: any WeightSource, _ context: ComputeContext, for role: ComponentRole = .transformer,
        keeping dtype: DType? = nil
    ) {
        (self.source, self.context, self.role) = (source, context, role)
        (ledger, prefix, plan) = (WeightLedger(), "", context.plan.for(role, keeping: dtype))
    }

    /// Views all weights of a component that nothing else is computed with.
    ///
    /// - Parameters:
    ///   - source: a checkpoint, random numbers, or a listing
    ///   - plan: how the modules compute
    package init(_ source: any WeightSource, plan: ComputePlan = ComputePlan()) {
        self.init(source, ComputeContext(plan))
    }

    private init(_ view: Weights, prefix: String, plan: ComputePlan) {
        (source, ledger, context, role) = (view.source, view.ledger, view.context, view.role)
        (self.prefix, self.plan) = (prefix, plan)
    }

    /// The part's path in the checkpoint, as `blocks.3.norm`; empty for the whole.
    package var name: String { String(prefix.dropLast()) }

    /// The view of a named part.
    package subscript(_ name: String) -> Weights {
        Weights(self, prefix: "\(prefix)\(name).", plan: plan)
    }

    /// The view of a numbered part.
    package subscript(_ index: Int) -> Weights { self["\(index)"] }

    /// This view for modules that keep to another type than the rest of the model.
    ///
    /// - Parameter dtype: the type of their weights
    /// - Returns: the view
    package func computing(in dtype: DType) -> Weights {
        var plan = plan
        plan.dtype = dtype
        return Weights(self, prefix: prefix, plan: plan)
    }

    /// Reads one of the blocks of a transformer, which may wait in the host's memory.
    ///
    /// - Parameters:
    ///   - stays: whether it is worth a room of its own on the device
    ///   - make: reads it
    /// - Returns: the block
    func block<Block>(staying stays: Bool, _ make: () throws -> Block) throws -> Block {
        source.beginBlock()
        defer { source.endBlock() }
        return try context.offload?.block(staying: stays, make) ?? make()
    }

    /// One parameter, on the plan's device and in its type.
    ///
    /// - Parameters:
    ///   - name: its name within this part
    ///   - shape: the shape that the model's config asks for
    /// - Returns: the tensor
    /// - Throws: ``WeightError`` or ``TensorError``
    package func tensor(_ name: String, _ shape: Int...) throws -> Tensor {
        let key = prefix + name
        ledger.note(key)
        return try source.tensor(key, shape: shape, plan: plan)
    }

    /// The kernel of a linear layer, which this view is of.
    ///
    /// - Parameters:
    ///   - shape: the weight's: the width of the output, and axes whose product is that of the input
    ///   - bias: whether there is a bias
    ///   - traits: what else the block knows of it
    /// - Returns: the kernel, and the widths of the parts of its output on this device
    /// - Throws: ``WeightError``, ``QuantizationError`` or ``TensorError``
    func linear(_ shape: [Int], bias: Bool, _ traits: LinearTraits) throws -> (any LinearKernel, [Int]) {
        var site = LinearSite(name: name, component: role, shape: shape, hasBias: bias, traits: traits)
        ledger.note(site.weightKey)
        if bias { ledger.note(site.biasKey) }
        for key in source.quantizationKeys(of: site) { ledger.note(key) }
        guard let group = context.tensorGroup(of: role),
            let part = LinearPart(traits.cut, shape, device: group.rank, of: group.size)
        else {
            if case .output(let segments) = traits.cut, !segments.isEmpty {
                return (try source.linear(site, plan: plan), segments)
            }
            return (try source.linear(site, plan: plan), [shape[0]])
        }
        site.part = part
        guard part.inputs != nil else {
            return (try source.linear(site, plan: plan), part.outputs?.ranges.map(\.count) ?? [])
        }
        var bare = LinearSite(name: name, component: role, shape: shape, hasBias: false, traits: traits)
        bare.part = part
        let summed = SummedLinear(
            part: try source.linear(bare, plan: plan),
            bias: bias ? try source.tensor(site.biasKey, shape: [shape[0]], plan: plan) : nil, group: group)
        return (summed, [shape[0]])
    }

    /// A weight of all heads, of which each device that shares them has its own.
    ///
    /// - Parameters:
    ///   - name: its name within this part
    ///   - size: of all heads
    /// - Returns: this device's, and where the devices meet; nil where one has all
    func sharedTensor(_ name: String, _ size: Int) throws -> (tensor: Tensor, group: ProcessGroup?) {
        let whole = try tensor(name, size)
        guard let group = context.tensorGroup(of: role) else { return (whole, nil) }
        return (try whole.slice(Shards(size, into: group.size).range(group.rank), axis: 0).contiguous(), group)
    }

    /// Which heads of an attention this device has, of several that share the weights.
    ///
    /// - Parameter count: all heads
    package func ownHeads(of count: Int) -> Range<Int> {
        guard let group = context.tensorGroup(of: role) else { return 0..<count }
        return Shards(count, into: group.size).range(group.rank)
    }

    /// One parameter with its axes in another order, without gaps.
    ///
    /// - Parameters:
    ///   - name: its name within this part
    ///   - shape: the shape that the model's config asks for
    ///   - axes: for each axis of the result, which one of the shape it is
    /// - Returns: the tensor
    /// - Throws: ``WeightError`` or ``TensorError``
    package func tensor(_ name: String, _ shape: [Int], permuted axes: [Int]) throws -> Tensor {
        let key = prefix + name
        ledger.note(key)
        return try source.tensor(key, shape: shape, permuted: axes, plan: plan)
    }

    /// The view of the first of several parts that has a parameter; the first one if none has it.
    ///
    /// Checkpoints of different ages spell the same part differently.
    ///
    /// - Parameters:
    ///   - names: spellings of the part, the published one first; an empty one means this view itself
    ///   - parameter: a parameter that the part always has
    /// - Returns: the view
    package func first(of names: [String], having parameter: String) -> Weights {
        let views = names.map { $0.isEmpty ? self : self[$0] }
        return views.first { source.contains($0.prefix + parameter) } ?? views[0]
    }

    /// Whether the source has a parameter.
    ///
    /// - Parameter name: its name within this part
    /// - Returns: true for every name if the source is not a checkpoint
    package func contains(_ name: String) -> Bool { source.contains(prefix + name) }

    /// Counts a parameter as read although its numbers do not matter, as it stands in the checkpoint twice or is a
    /// constant that old checkpoints store.
    ///
    /// - Parameter name: its name within this part
    package func disregard(_ name: String) { disregard(.one(prefix + name)) }

    /// Counts everything under a name as read: a part of a greater model that this one is known to leave out.
    ///
    /// - Parameter name: the part's name within this one
    package func disregard(part name: String) { disregard(.part("\(prefix)\(name).")) }

    private func disregard(_ keys: WeightKeys) {
        ledger.disregard(keys)
        source.disregard(keys)
    }

    /// Checks that every parameter of the source was read.
    ///
    /// - Throws: ``WeightError/unread(_:in:)``
    package func requireAllRead() throws(WeightError) {
        let leftovers = source.keys.filter { !ledger.has($0) }
        if !leftovers.isEmpty { throw .unread(leftovers, in: source.place) }
    }
}

/// The keys that modules have asked for.
private final class WeightLedger {
    private var keys: Set<ExactText> = []
    private var disregarded: [WeightKeys] = []
    func note(_ key: String) { keys.insert(ExactText(key)) }
    func disregard(_ keys: WeightKeys) { disregarded.append(keys) }
    func has(_ key: String) -> Bool { keys.contains(ExactText(key)) || disregarded.contains { $0.contains(key) } }
}
