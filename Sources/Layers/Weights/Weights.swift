internal import Files
package import Tensors

/// A view of one part of a model's weights: where a module reads its parameters.
///
/// `weights["blocks"][3]["norm"]` is the view of all keys that begin with `blocks.3.norm.`. What a module does not need
/// to know (type, device, attention kernel) travels in ``plan``; every key that is read is noted, so that
/// ``requireAllRead()`` can name the ones nobody asked for.
package struct Weights {
    private let source: any WeightSource
    private let ledger: WeightLedger
    private let prefix: String
    /// How the modules built from this view compute.
    package let plan: ExecutionPlan

    /// Views all weights of a source.
    ///
    /// - Parameters:
    ///   - source: a checkpoint, random numbers, or a listing
    ///   - plan: how the modules compute
    package init(_ source: any WeightSource, plan: ExecutionPlan = ExecutionPlan()) {
        self.init(source: source, ledger: WeightLedger(), prefix: "", plan: plan)
    }

    private init(source: any WeightSource, ledger: WeightLedger, prefix: String, plan: ExecutionPlan) {
        (self.source, self.ledger, self.prefix, self.plan) = (source, ledger, prefix, plan)
    }

    /// The view of a named part.
    package subscript(_ name: String) -> Weights {
        Weights(source: source, ledger: ledger, prefix: "\(prefix)\(name).", plan: plan)
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
        return Weights(source: source, ledger: ledger, prefix: prefix, plan: plan)
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

    /// The weight of a linear layer, laid out as products of the plan's type read it.
    ///
    /// - Parameters:
    ///   - name: its name within this part
    ///   - to: width of the output
    ///   - from: width of the input
    /// - Returns: `[to, from]`, for `linear` and `linearGELUTanh` only
    /// - Throws: ``WeightError`` or ``TensorError``
    package func matrix(_ name: String, _ to: Int, _ from: Int) throws -> Tensor {
        let key = prefix + name
        ledger.note(key)
        return try source.matrix(key, shape: [to, from], plan: plan)
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
