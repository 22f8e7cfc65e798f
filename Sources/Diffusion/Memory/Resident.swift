package import Layers

/// A component whose weights are read when they are first needed, and may leave memory in between.
package final class Resident<Config: ModelConfig, Module>: ResidentComponent {
    /// The component.
    package let component: Component<Config, Module>
    private let context: ComputeContext
    private var module: Module?

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
        if let module { return module }
        let loaded = try component.load(context)
        module = loaded
        return loaded
    }

    package var name: String { component.name }
    package var isLoaded: Bool { module != nil }
    package func load() throws { _ = try self() }
    package func release() { module = nil }
}

/// A resident component of any module.
package protocol ResidentComponent: AnyObject {
    /// Its name in the checkpoint.
    var name: String { get }
    /// Whether its weights are in memory.
    var isLoaded: Bool { get }

    /// Reads the weights, if they are not in memory.
    ///
    /// - Throws: ``SafetensorsError``, ``WeightError`` or ``TensorError``
    func load() throws

    /// Lets the weights go.
    func release()
}
