package import Layers
internal import Parallel
package import Tensors

/// One part of a pipeline: its config, read and checked, and how to make its module from weights.
package struct Component<Config: ModelConfig, Module>: Sendable {
    /// Its folder's name in the checkpoint.
    package private(set) var name: String
    /// Where it lies.
    package let place: ComponentPlace
    /// Its `config.json`.
    package let config: Config
    /// Config keys that were skipped as they cannot matter, or because the user allowed it.
    package let skippedKeys: [String]
    package let allowsUnknown: Bool
    /// What it is for.
    package let role: ComponentRole
    /// The type that it computes in whatever the model's; nil if it follows the model.
    package let ownType: DType?
    package let loraNames: LoRANames?
    package private(set) var ownLoRAs: [LoRAPlan] = []
    private let make: @Sendable (Weights) throws -> Module

    /// Reads a component's config.
    ///
    /// - Parameters:
    ///   - name: its name in `model_index.json`
    ///   - checkpoint: the checkpoint
    ///   - classes: the classes this build has for it
    ///   - role: what it is for
    ///   - dtype: the type that it computes in whatever the model's; nil if it follows the model
    ///   - loraNames: how LoRA files spell its modules; nil if it takes none
    ///   - make: makes the module
    /// - Throws: ``CheckpointError`` or ``ConfigError``
    package init(
        _ name: String, in checkpoint: CheckpointFolder, classes: [String], as role: ComponentRole,
        keeping dtype: DType? = nil, loras loraNames: LoRANames? = nil,
        _ make: @escaping @Sendable (Weights, Config) throws -> Module
    ) throws {
        try self.init(
            name, at: checkpoint.place(name, classes: classes), as: role, keeping: dtype, loras: loraNames,
            allowingUnknown: checkpoint.allowsUnknown, make)
    }

    /// Reads the config of a component that may lie outside of the checkpoint.
    ///
    /// - Parameters:
    ///   - name: what it is called
    ///   - place: where it lies
    ///   - role: what it is for
    ///   - dtype: the type that it computes in whatever the model's; nil if it follows the model
    ///   - loraNames: how LoRA files spell its modules; nil if it takes none
    ///   - allowsUnknown: whether unknown config keys and tensors are skipped instead of refused
    ///   - make: makes the module
    /// - Throws: ``ConfigError``
    package init(
        _ name: String, at place: ComponentPlace, as role: ComponentRole, keeping dtype: DType? = nil,
        loras loraNames: LoRANames? = nil, allowingUnknown allowsUnknown: Bool = false,
        _ make: @escaping @Sendable (Weights, Config) throws -> Module
    ) throws {
        let (config, skipped): (Config, [String]) = try place.config(
            allowingUnknown: allowsUnknown,
            besides: role == .transformer ? [CheckpointWeights.quantizationKey] : [])
        (self.name, self.place, self.config, skippedKeys) = (name, place, config, skipped)
        self.allowsUnknown = allowsUnknown
        (self.role, ownType, self.loraNames) = (role, dtype, loraNames)
        self.make = { try make($0, config) }
    }

    /// The component once more, with LoRA files merged into its weights that are for this one alone.
    ///
    /// - Parameters:
    ///   - name: what it is called
    ///   - loras: merged besides those of the plan
    /// - Returns: a component of the same weights
    package func again(_ name: String, merging loras: [LoRAPlan]) -> Component {
        var other = self
        (other.name, other.ownLoRAs) = (name, loras)
        return other
    }

    /// Makes the module from the checkpoint's weights, all of which must be read or known to be left out.
    ///
    /// - Parameter context: what it computes with
    /// - Returns: the module
    /// - Throws: ``SafetensorsError``, ``WeightError``, ``LoRAError`` or ``TensorError``
    package func load(_ context: ComputeContext) throws -> Module {
        let source = try CheckpointWeights(place, merging: merge(context.plan))
        let weights = Weights(source, context, for: role, keeping: ownType)
        let module = try context.making { try make(weights) }
        if !allowsUnknown { try weights.requireAllRead() }
        return module
    }
}

extension Component {
    /// What is wrong with its config.
    ///
    /// - Parameter fault: what another part of the checkpoint shows
    /// - Returns: the error
    package func error(_ fault: ConfigFault) -> ConfigError { ConfigError(file: place.configPath, fault: fault) }
}

/// A component of any module, as far as inspection needs it.
package protocol InspectableComponent: Sendable {
    var name: String { get }
    /// Where it lies.
    var place: ComponentPlace { get }
    var skippedKeys: [String] { get }
    /// What it is for.
    var role: ComponentRole { get }
    /// The type that it computes in whatever the model's; nil if it follows the model.
    var ownType: DType? { get }
    /// Whether tensors that no part of it knows are skipped instead of refused.
    var allowsUnknown: Bool { get }
    /// How LoRA files spell its modules; nil if it takes none.
    var loraNames: LoRANames? { get }
    /// LoRA files that are merged into it besides those of the plan.
    var ownLoRAs: [LoRAPlan] { get }

    /// Every key and shape that the module asks for, and the keys it would pass over.
    ///
    /// - Parameter checkpoint: the keys of a checkpoint, whose spellings are followed; nil takes the published ones
    /// - Returns: the listing
    /// - Throws: ``TensorError``
    func listing(of checkpoint: Set<String>?) throws -> WeightListing
}

extension InspectableComponent {
    /// How the component computes.
    ///
    /// - Parameter plan: the model's
    /// - Returns: the component's own
    package func plan(_ plan: ComputePlan) -> ComputePlan { plan.for(role, keeping: ownType) }

    /// Checks the headers of quantised layers, reading none.
    ///
    /// - Parameter plan: how the model computes
    /// - Returns: the layers that are or will be quantised
    /// - Throws: ``SafetensorsError``, ``WeightError``, ``QuantizationError`` or ``TensorError``
    package func checkedQuantization(_ plan: ComputePlan) throws -> CheckedQuantization {
        let weights = try CheckpointWeights(place)
        return try weights.checkedQuantization(of: listing(of: Set(weights.keys)).linears, self.plan(plan))
    }

    /// Checks the headers of the checkpoint's weights, reading none: every tensor that the module asks for is there in
    /// its shape, and no other but those that it is known to leave out.
    ///
    /// - Parameter plan: how the model computes
    /// - Returns: what the weights take in memory
    /// - Throws: ``SafetensorsError``, ``WeightError``, ``QuantizationError``, ``LoRAError`` or ``TensorError``
    package func checkedSize(_ plan: ComputePlan) throws -> WeightMemory {
        let weights = try CheckpointWeights(place)
        return try checkedSize(of: weights, listing(of: Set(weights.keys)), plan)
    }

    /// Checks the headers of weights that are open.
    ///
    /// - Parameters:
    ///   - weights: the component's
    ///   - listing: what the module asks for, in the spellings of the weights
    ///   - plan: how the model computes
    /// - Returns: as ``checkedSize(_:)``
    /// - Throws: as ``checkedSize(_:)``
    package func checkedSize(of weights: CheckpointWeights, _ listing: WeightListing, _ plan: ComputePlan) throws
        -> WeightMemory
    {
        let plan = self.plan(plan)
        let quantized = try weights.checkedQuantization(of: listing.linears, plan)
        let parts = partsOfWeights(listing, plan)
        var sizes: [MemorySize] = []
        for (key, shape) in listing.entries {
            let count = shape.reduce(1) { $0 * $1 }
            let own = parts[key]?.count(of: shape) ?? count
            if let bytes = quantized.bytes[key] {
                sizes.append(MemorySize(own == count ? bytes : Int(Double(bytes) * Double(own) / Double(count))))
            } else {
                try weights.check(key, shape: shape)
                sizes.append(MemorySize(own) * plan.dtype.size)
            }
        }
        let unread = listing.surplus(of: weights.keys).unknown.filter { !quantized.keys.contains($0) }
        if !unread.isEmpty, !allowsUnknown { throw WeightError.unread(unread, in: place.path) }
        let shapes = Dictionary(listing.entries.map { ($0.key, $0.shape) }) { first, _ in first }
        let transient = try merge(plan).transientBytes(shapes, plan.dtype, quantized: quantized.bytes.keys)
        return WeightMemory(
            bytes: (sizes.sum() + MemorySize(transient)).count,
            blocks: listing.blocks.map { sizes[$0].sum().count },
            copies: WeightMemory.copies(
                of: listing.linears, quantized: Set(quantized.bytes.keys), parts: parts, plan))
    }
}

extension InspectableComponent {
    /// What the first device has of the weights that several share, by key: no other has more.
    private func partsOfWeights(_ listing: WeightListing, _ plan: ComputePlan) -> [String: LinearPart] {
        guard role == .transformer else { return [:] }
        let parts = listing.linears.compactMap { site in
            LinearPart(site.cut, site.shape, device: 0, of: plan.parallel.tensor).map { (site.weightKey, $0) }
        }
        return Dictionary(parts) { first, _ in first }
    }
}

extension Component: InspectableComponent {
    package func listing(of checkpoint: Set<String>?) throws -> WeightListing {
        let listing = WeightListing(of: checkpoint)
        let context = ComputeContext(ComputePlan()) { site in
            listing.attentions.append(site)
            return nil
        }
        _ = try make(Weights(listing, context, for: role, keeping: ownType))
        return listing
    }
}
