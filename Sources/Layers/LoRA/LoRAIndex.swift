/// The modules of a component, under every name that LoRA files have for them.
struct LoRAIndex {
    /// What a name means.
    struct Target: Equatable {
        /// In the order of the rows.
        let modules: [String]
        let rows: LoRAAlias.RowOrder
    }

    private let names: LoRANames
    private var dotted: [String: Target] = [:]
    private var flat: [String: Target] = [:]

    /// - Parameters:
    ///   - names: how files spell the modules
    ///   - keys: of the component's tensors
    init(_ names: LoRANames, keys: some Sequence<String>) {
        self.names = names
        let modules = Set(keys.map(Self.module))
        for module in modules {
            let words = module.dotted
            for alias in names.aliases {
                guard let (name, all) = alias.spelling(of: words), all.allSatisfy(modules.contains) else { continue }
                dotted[name] = Target(modules: all, rows: alias.rows)
            }
        }
        // A module's own name is never another's.
        for module in modules { dotted[module] = Target(modules: [module], rows: .same) }
        for (name, target) in dotted { flat[name.replacing(".", with: "_")] = target }
    }

    /// A tensor's module; a tensor that is neither weight nor bias is one itself.
    private static func module(_ key: String) -> String {
        key.without(ending: ".weight") ?? key.without(ending: ".bias") ?? key
    }

    /// What a name in a file means.
    ///
    /// - Parameters:
    ///   - name: the module's in the file
    ///   - plan: what the user says of the file's names
    /// - Returns: nil if it is no module of the component
    func target(of name: String, _ plan: LoRAPlan) -> Target? {
        var name = name
        if let rest = plan.strippedPrefixes.lazy.compactMap({ name.without(beginning: $0) }).first { name = rest }
        if let mapped = Self.mapped(name, plan.keyMap) {
            if let target = dotted[mapped] { return target }
            name = mapped
        }
        for prefix in names.prefixes {
            if let target = name.without(beginning: prefix).flatMap({ dotted[$0] }) { return target }
        }
        for prefix in names.flatPrefixes {
            if let target = name.without(beginning: prefix).flatMap({ flat[$0] }) { return target }
        }
        return nil
    }

    /// What the user's longest name that fits makes of a name.
    private static func mapped(_ name: String, _ map: [String: String]) -> String? {
        for (from, to) in map.sorted(by: { ($1.key.utf8.count, $0.key) < ($0.key.utf8.count, $1.key) }) {
            if name == from { return to }
            if let rest = name.without(beginning: "\(from).") { return "\(to).\(rest)" }
        }
        return nil
    }
}
