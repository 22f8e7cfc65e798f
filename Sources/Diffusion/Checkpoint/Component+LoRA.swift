package import Layers

extension InspectableComponent {
    /// What LoRA files change in this component, as their headers say.
    ///
    /// - Parameter plan: how the model computes
    /// - Returns: the changes of every file that is for this component
    /// - Throws: ``LoRAError``, or an error of a file
    package func merge(_ plan: ComputePlan) throws -> LoRAMerge {
        let plans = plan.loras.filter(takes) + ownLoRAs
        guard !plans.isEmpty, let modules = try loraModules() else { return LoRAMerge() }
        return try modules.merge(plans)
    }

    /// Whether a LoRA file is for this component.
    fileprivate func takes(_ lora: LoRAPlan) -> Bool {
        guard let loraNames else { return false }
        return lora.components.isEmpty ? !loraNames.mustBeNamed : lora.components.contains(name)
    }

    fileprivate func loraModules() throws -> LoRAModules? {
        guard let loraNames else { return nil }
        let keys = try CheckpointWeights(place).keys
        let listing = try listing(of: Set(keys))
        return LoRAModules(loraNames, listing.entries, passingOver: listing.surplus(of: keys).known)
    }
}

extension ModelFamily {
    /// Makes sure that LoRA files are what this model takes, as their headers say.
    ///
    /// - Parameter loras: what is merged
    /// - Throws: ``LoRAError``, or an error of a file
    package func check(_ loras: [LoRAPlan]) throws {
        let components = components.filter { $0.loraNames != nil }
        guard !loras.isEmpty || components.contains(where: { !$0.ownLoRAs.isEmpty }) else { return }
        let modules = try components.compactMap { try $0.loraModules() }
        for lora in loras {
            for name in lora.components where !components.contains(where: { $0.name == name }) {
                throw LoRAError.component(name, known: components.map(\.name))
            }
            let targets = zip(components, modules).filter { $0.0.takes(lora) }
            let others = zip(components, modules).filter { !$0.0.takes(lora) }
            try LoRAModules.require(
                lora, targets.map { ($0.0.name, $0.1) }, besides: lora.components.isEmpty ? [] : others.map(\.1))
        }
        for (index, component) in components.enumerated() {
            let others = modules.enumerated().filter { $0.offset != index }.map(\.element)
            for lora in component.ownLoRAs {
                try LoRAModules.require(lora, [(component.name, modules[index])], besides: others)
            }
        }
    }
}
