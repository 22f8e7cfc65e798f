package import Layers
internal import Tensors

/// A component whose weights are read when they are first needed, and may leave memory in between.
package final class Resident<Config: ModelConfig, Module>: ResidentComponent {
    /// The component.
    package let component: Component<Config, Module>
    private let context: ComputeContext
    private var module: Module?
    /// Where the weights wait while they have no room on the device; nil where they are read again.
    private var offload: OffloadedWeights?

    /// - Parameters:
    ///   - component: the component
    ///   - context: what it computes with
    package init(_ component: Component<Config, Module>, _ context: ComputeContext) {
        (self.component, self.context) = (component, context)
    }

    /// The module; whoever keeps it keeps the weights in memory.
    ///
    /// - Returns: the module
    /// - Throws: ``SafetensorsError``, ``WeightError`` or ``TensorError``
    package func callAsFunction() throws -> Module {
        if let module, isLoaded { return module }
        try load()
        return try self()
    }

    package var name: String { component.name }
    package var isLoaded: Bool { module != nil && offload?.isOnDevice ?? true }
    package var bytesOnHost: Int { offload?.bytes ?? 0 }

    package func load() throws {
        if let offload { return try offload.enter(leaving: 0) }
        if module == nil { module = try component.load(context) }
    }

    package func load(_ plan: OffloadPlan, leaving excess: Int) throws {
        if offload == nil {
            module = nil
            let weights = try OffloadedWeights(plan)
            context.offload = weights
            module = try component.load(context)
            offload = weights
        }
        try offload?.enter(leaving: excess)
    }

    package func release() throws {
        if let offload { return try offload.leave() }
        module = nil
    }

    package func forget() { (module, offload) = (nil, nil) }
}

/// A resident component of any module.
package protocol ResidentComponent: AnyObject {
    /// Its name in the checkpoint.
    var name: String { get }
    /// Whether its weights are in memory, on a GPU in that one's.
    var isLoaded: Bool { get }
    /// What its weights take of the host's memory while they wait there.
    var bytesOnHost: Int { get }

    /// Reads the weights, if they are not in memory.
    ///
    /// - Throws: ``SafetensorsError``, ``WeightError`` or ``TensorError``
    func load() throws

    /// Has the weights wait in the host's memory, and as many as there is room for on the device besides.
    ///
    /// - Parameters:
    ///   - plan: how they wait
    ///   - excess: bytes that there is no room for
    /// - Throws: ``SafetensorsError``, ``WeightError`` or ``TensorError``
    func load(_ plan: OffloadPlan, leaving excess: Int) throws

    /// Lets the weights go; those that wait in the host's memory stay there.
    ///
    /// - Throws: `TensorError`
    func release() throws

    /// Lets the weights go, from the host's memory too.
    func forget()
}
