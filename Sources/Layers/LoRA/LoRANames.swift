/// How LoRA files spell the modules of a component, besides the checkpoint's own names.
package struct LoRANames: Sendable {
    /// What may stand before a name; the empty text where names may stand alone.
    let prefixes: [String]
    /// What stands before a name that has `_` for every dot.
    let flatPrefixes: [String]
    let aliases: [LoRAAlias]
    /// Whether the component takes only files that name it in `target_components`.
    package private(set) var mustBeNamed = false

    /// - Parameters:
    ///   - prefixes: what may stand before a name
    ///   - flatPrefixes: what stands before a name that has `_` for every dot
    ///   - aliases: other names of modules
    package init(prefixes: [String], flatPrefixes: [String], _ aliases: [LoRAAlias] = []) {
        (self.prefixes, self.flatPrefixes, self.aliases) = (prefixes, flatPrefixes, aliases)
    }

    /// Of a transformer: with the prefixes of diffusers, PEFT, ComfyUI, kohya's scripts, OneTrainer and LyCORIS.
    ///
    /// - Parameters:
    ///   - aliases: other names of modules
    ///   - others: what else may stand before a name
    /// - Returns: the names
    package static func transformer(_ aliases: [LoRAAlias] = [], besides others: [String] = []) -> LoRANames {
        LoRANames(
            prefixes: [
                "", "transformer.", "diffusion_model.", "model.diffusion_model.", "base_model.model.",
                "base_model.model.transformer.", "base_model.model.diffusion_model.",
            ] + others, flatPrefixes: ["lora_unet_", "lora_transformer_", "lycoris_"], aliases)
    }

    /// The same names for a component that takes only files that name it.
    package var whereNamed: LoRANames {
        var names = self
        names.mustBeNamed = true
        return names
    }
}

/// Another name of a module and what lies below it, or of several modules whose rows lie one behind the other.
package struct LoRAAlias: Sendable {
    /// With `{i}` for the number of a block.
    let name: String
    /// In the order of the rows, with `{i}` likewise.
    let modules: [String]
    let rows: RowOrder

    /// How the rows of a file lie in the model.
    package enum RowOrder: Sendable {
        case same
        /// The second half comes first.
        case halvesSwapped
    }

    /// - Parameters:
    ///   - name: with `{i}` for the number of a block
    ///   - modules: in the order of the rows, with `{i}` likewise
    ///   - rows: how the rows of a file lie in the model
    package init(_ name: String, _ modules: String..., rows: RowOrder = .same) {
        (self.name, self.modules, self.rows) = (name, modules, rows)
    }

    private init(_ name: String, _ modules: [String]) { (self.name, self.modules, rows) = (name, modules, .same) }

    /// Other names within a part.
    ///
    /// - Parameters:
    ///   - part: the part's other name
    ///   - module: its own
    ///   - names: other names within it, and the modules
    /// - Returns: an alias for each
    package static func within(_ part: String, _ module: String, _ names: KeyValuePairs<String, [String]>)
        -> [LoRAAlias]
    {
        names.map { name, modules in LoRAAlias("\(part).\(name)", modules.map { "\(module).\($0)" }) }
    }

    /// The alias of a module, where it has one by this: what `{i}` stands for is put in.
    ///
    /// - Parameter words: of the module's name, split at dots
    /// - Returns: the other name, and the modules that it means
    func spelling(of words: [Substring]) -> (name: String, modules: [String])? {
        let template = modules[0].dotted
        guard words.count >= template.count, modules.count == 1 || words.count == template.count else { return nil }
        var block: Substring?
        for (word, expected) in zip(words, template) where word != expected {
            guard expected == "{i}" else { return nil }
            block = word
        }
        let rest = words.dropFirst(template.count).map { ".\($0)" }.joined()
        func filled(_ text: String) -> String {
            guard let block else { return text }
            return text.dotted.map { $0 == "{i}" ? block : $0 }.joined(separator: ".")
        }
        return (filled(name) + rest, modules.map { filled($0) + rest })
    }
}
