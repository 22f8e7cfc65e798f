package import Layers

/// The config of a scheduler of this build.
///
/// diffusers makes a scheduler of one class from the config of another, and saves the other's keys with it. Those are not
/// unknown, and a class that does not have them cannot be changed by them.
package protocol SchedulerConfig: ModelConfig {
    /// Keys of its own class that change nothing here.
    static var idleKeys: Set<String> { get }
    /// Keys of its own class that this build cannot honour.
    static var refusedKeys: Set<String> { get }
}

extension SchedulerConfig {
    package static var idleKeys: Set<String> { [] }
    package static var refusedKeys: Set<String> { [] }

    package static var ignoredKeys: Set<String> {
        let classes: [any SchedulerConfig.Type] = [FlowMatchEulerConfig.self, UniPCConfig.self]
        let all = classes.reduce(into: Set<String>()) { keys, other in
            keys.formUnion(other.keys.union(other.idleKeys).union(other.refusedKeys))
        }
        return all.subtracting(refusedKeys)
    }

    /// Checks how many noise levels the model was trained with: each is computed.
    ///
    /// - Parameter count: how many
    /// - Throws: ``ConfigFault/value(_:found:)``
    func requireTrainTimesteps(_ count: Int) throws(ConfigFault) {
        if !(1...100_000).contains(count) { throw .value("num_train_timesteps", found: "\(count)") }
    }
}
