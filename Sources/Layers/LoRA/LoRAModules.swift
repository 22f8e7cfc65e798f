internal import Tensors

/// What of a component LoRA files may change.
package struct LoRAModules {
    private let index: LoRAIndex
    /// Of what the checkpoint has and the component passes over: whatever changes that changes nothing.
    private let passedOver: LoRAIndex
    private let shapes: [String: [Int]]

    /// - Parameters:
    ///   - names: how files spell the modules
    ///   - entries: the component's tensors and their shapes
    ///   - others: the keys of the checkpoint's tensors that the component passes over
    package init(_ names: LoRANames, _ entries: [(key: String, shape: [Int])], passingOver others: [String] = []) {
        shapes = Dictionary(entries.map { ($0.key, $0.shape) }) { first, _ in first }
        index = LoRAIndex(names, keys: shapes.keys)
        passedOver = LoRAIndex(names, keys: others)
    }

    /// What a file means by a name.
    ///
    /// - Parameters:
    ///   - name: of a module in the file
    ///   - plan: what the user says of the file's names
    /// - Returns: the component's modules, in the order of the rows; none if it has no such module
    package func modules(named name: String, _ plan: LoRAPlan = LoRAPlan("")) -> [String] {
        index.target(of: name, plan)?.modules ?? []
    }

    /// What files change.
    ///
    /// - Parameter plans: the files, in the order of their merging
    /// - Returns: the changes
    /// - Throws: ``LoRAError``, or an error of a file
    package func merge(_ plans: [LoRAPlan]) throws -> LoRAMerge {
        var merge = LoRAMerge()
        for plan in plans { merge.add(try LoRAMatch(LoRAFile(plan.path), plan, index, shapes).merge) }
        return merge
    }

    /// Makes sure that a file fits, as its header says.
    ///
    /// - Parameters:
    ///   - plan: the file
    ///   - components: those that it is for
    ///   - others: those that may have tensors in it too, which are left out
    /// - Throws: ``LoRAError``, or an error of the file
    package static func require(
        _ plan: LoRAPlan, _ components: [(name: String, modules: LoRAModules)], besides others: [LoRAModules]
    ) throws {
        let file = try LoRAFile(plan.path)
        let keys = file.keys
        func nothing(for names: [String]) -> LoRAError {
            .nothing(file.path, for: names, example: keys.first ?? "", count: keys.count)
        }
        var taken: Set<String> = []
        for (name, modules) in components {
            let own = try LoRAMatch(file, plan, modules.index, modules.shapes).taken
            if own.isEmpty, plan.isStrict, plan.components.contains(name) { throw nothing(for: [name]) }
            taken.formUnion(own)
        }
        if taken.isEmpty { throw nothing(for: components.map(\.name)) }
        guard plan.isStrict else { return }
        for (_, modules) in components { taken.formUnion(modules.passedOver.named(in: file, plan)) }
        for modules in others { taken.formUnion(modules.index.named(in: file, plan)) }
        let left = try keys.filter { key in try !taken.contains(key) && !file.changesNothing(key) }
        if !left.isEmpty { throw LoRAError.unmatched(left, in: file.path) }
    }
}

extension LoRAIndex {
    /// The tensors of a file whose module is here.
    fileprivate func named(in file: LoRAFile, _ plan: LoRAPlan) -> [String] {
        file.modules.filter { target(of: $0.name, plan) != nil }.flatMap { $0.tensors.values.map(\.name) }
    }
}

extension LoRAFile {
    /// Whether a tensor is a change in full size that is zero everywhere, which fits any model.
    fileprivate func changesNothing(_ key: String) throws -> Bool {
        guard let (module, part) = LoRAPart.split(key),
            [.difference, .biasDifference, .tableDifference].contains(part),
            let entry = modules.first(where: { $0.name == module })?.tensors[part]
        else { return false }
        return try largestMagnitude(tensor(entry, on: .cpu).reshaped(1, -1)) == 0
    }
}
