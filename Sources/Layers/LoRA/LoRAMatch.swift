internal import Tensors

/// A LoRA file, held against the modules of a component: what it changes there, and which of its tensors that takes.
///
/// Only headers are looked at.
struct LoRAMatch {
    private(set) var merge = LoRAMerge()
    /// The keys of the tensors that are taken.
    private(set) var taken: Set<String> = []
    private let file: LoRAFile
    private let shapes: [String: [Int]]
    private let factor: Double

    /// - Parameters:
    ///   - file: the file
    ///   - plan: how strongly it acts, and what the user says of its names
    ///   - index: the component's modules
    ///   - shapes: of the component's tensors, by key
    /// - Throws: ``LoRAError`` for tensors whose module is there, but which are not what it needs; ``TensorError``
    init(_ file: LoRAFile, _ plan: LoRAPlan, _ index: LoRAIndex, _ shapes: [String: [Int]]) throws {
        (self.file, self.shapes, factor) = (file, shapes, plan.scale)
        for module in file.modules {
            if let target = index.target(of: module.name, plan) { try match(module, target) }
            // What a table of a modulation is called in its own name's place.
            if let entry = module.tensors[.tableDifference],
                let target = index.target(of: "\(module.name).modulation", plan)
            {
                try add(entry, target.modules, kind: .weight, .difference(entry), scale: 1, target.rows)
            }
        }
    }

    private mutating func match(_ module: LoRAFile.Module, _ target: LoRAIndex.Target) throws {
        let tensors = module.tensors
        if let entry = tensors[.unsupported] { throw LoRAError.unsupported(entry.name, in: file.path) }
        try matchPair(module, target)
        try matchKronecker(module, target)
        try matchHadamard(module, target)
        for (part, kind) in [(LoRAPart.difference, Kind.weight), (.biasDifference, .bias), (.tableDifference, .weight)]
        {
            guard let entry = tensors[part] else { continue }
            try add(entry, target.modules, kind: kind, .difference(entry), scale: 1, target.rows)
        }
        if let entry = tensors[.replacement] {
            try add(entry, target.modules, kind: .weight, .replacement(entry), scale: 1, target.rows)
        }
    }

    private enum Kind { case weight, bias }

    /// The keys of some modules' weights or biases; nil where one has none.
    private func keys(of modules: [String], _ kind: Kind) -> [String]? {
        let keys = modules.compactMap { module in
            let key = "\(module).\(kind == .weight ? "weight" : "bias")"
            return shapes[key] != nil ? key : kind == .weight && shapes[module] != nil ? module : nil
        }
        return keys.count == modules.count ? keys : nil
    }

    private static func inputs(_ shape: [Int]) -> Int { shape.dropFirst().reduce(1, *) }

    private mutating func matchPair(_ module: LoRAFile.Module, _ target: LoRAIndex.Target) throws {
        let (down, up) = (module.tensors[.down], module.tensors[.up])
        guard let down, let up else {
            if let half = down ?? up {
                throw LoRAError.incomplete(half.name, needs: down == nil ? "lora_A" : "lora_B", in: file.path)
            }
            return
        }
        for entry in [down, up] where entry.shape.count < 2 {
            throw LoRAError.shape(entry.name, entry.shape, expected: "a matrix", in: file.path)
        }
        let (rank, upRank) = (down.shape[0], Self.inputs(up.shape))
        if rank == 0 { throw LoRAError.rankZero(down.name, in: file.path) }
        guard rank == upRank else { throw LoRAError.ranks(down.name, rank, up.name, upRank, in: file.path) }
        let scale = try scale(of: module, rank: rank)
        guard let keys = keys(of: target.modules, .weight) else { return }
        try requireInputs(down, Self.inputs(down.shape), keys)
        try requireOutputs(up, up.shape[0], keys)
        try requireFloats([down, up])
        try add(module, keys, .product(up: up, down: down), scale: scale, up.shape[0], target.rows)
        take([down, up])
        if let bias = module.tensors[.upBias] {
            try add(bias, target.modules, kind: .bias, .difference(bias), scale: scale, target.rows)
        }
        if let bias = module.tensors[.downBias], let keys = self.keys(of: target.modules, .bias) {
            guard bias.shape == [rank] else {
                throw LoRAError.shape(bias.name, bias.shape, expected: "\([rank])", in: file.path)
            }
            try requireFloats([bias])
            let bare = LoRAFile.Module(name: module.name, tensors: [:])
            try add(bare, keys, .product(up: up, down: bias), scale: scale, up.shape[0], target.rows)
            take([bias])
        }
    }

    private mutating func matchKronecker(_ module: LoRAFile.Module, _ target: LoRAIndex.Target) throws {
        guard let entry = module.tensors.first(where: { if case .kronecker = $0.key { true } else { false } })?.value
        else { return }
        func part(_ factor: LoRAPart.Factor) -> SafetensorsEntry? { module.tensors[.kronecker(factor)] }
        func factor(_ whole: LoRAPart.Factor, _ a: LoRAPart.Factor, _ b: LoRAPart.Factor, _ name: String)
            throws(LoRAError)
            -> (LoRAChange.Factor, [SafetensorsEntry], shape: [Int])
        {
            if let entry = part(whole) { return (.whole(entry), [entry], entry.shape) }
            guard let a = part(a), let b = part(b) else {
                throw .incomplete(entry.name, needs: name, in: file.path)
            }
            return (.product(a, b), [a, b], try shape(ofProduct: a, b))
        }
        let (one, oneEntries, oneShape) = try factor(.one, .oneA, .oneB, "lokr_w1")
        let (two, twoEntries, twoShape) = try factor(.two, .twoA, .twoB, "lokr_w2")
        for (shape, entries) in [(oneShape, oneEntries), (twoShape, twoEntries)] where shape.count != 2 {
            throw LoRAError.shape(entries[0].name, shape, expected: "a matrix", in: file.path)
        }
        // Two whole factors have no rank, and their alpha means nothing.
        let rank = part(.two) == nil ? part(.twoB)?.shape[0] : part(.one) == nil ? part(.oneB)?.shape[0] : nil
        let scale = try rank.map { try self.scale(of: module, rank: $0) } ?? 1
        if let alpha = module.tensors[.alpha] { take([alpha]) }
        guard let keys = keys(of: target.modules, .weight) else { return }
        let rows = oneShape[0] * twoShape[0]
        try requireInputs(entry, oneShape[1] * twoShape[1], keys)
        try requireOutputs(entry, rows, keys)
        try requireFloats(oneEntries + twoEntries)
        try add(module, keys, .kronecker(one, two), scale: scale, rows, target.rows)
        take(oneEntries + twoEntries)
    }

    private mutating func matchHadamard(_ module: LoRAFile.Module, _ target: LoRAIndex.Target) throws {
        guard let entry = module.tensors.first(where: { if case .hadamard = $0.key { true } else { false } })?.value
        else { return }
        let parts = [LoRAPart.Factor.oneA, .oneB, .twoA, .twoB].compactMap { module.tensors[.hadamard($0)] }
        guard parts.count == 4 else {
            throw LoRAError.incomplete(
                entry.name, needs: "hada_w1_a, hada_w1_b, hada_w2_a and hada_w2_b", in: file.path)
        }
        let shape = try shape(ofProduct: parts[0], parts[1])
        guard try self.shape(ofProduct: parts[2], parts[3]) == shape else {
            throw LoRAError.shape(parts[2].name, parts[2].shape, expected: "\(parts[0].shape)", in: file.path)
        }
        let scale = try scale(of: module, rank: parts[1].shape[0])
        guard let keys = keys(of: target.modules, .weight) else { return }
        try requireInputs(parts[1], shape[1], keys)
        try requireOutputs(parts[0], shape[0], keys)
        try requireFloats(parts)
        let form = LoRAChange.Form.hadamard((parts[0], parts[1]), (parts[2], parts[3]))
        try add(module, keys, form, scale: scale, shape[0], target.rows)
        take(parts)
    }

    /// The shape of a product of two matrices.
    private func shape(ofProduct a: SafetensorsEntry, _ b: SafetensorsEntry) throws(LoRAError) -> [Int] {
        for entry in [a, b] where entry.shape.count != 2 {
            throw .shape(entry.name, entry.shape, expected: "a matrix", in: file.path)
        }
        if b.shape[0] == 0 { throw .rankZero(b.name, in: file.path) }
        guard a.shape[1] == b.shape[0] else { throw .ranks(a.name, a.shape[1], b.name, b.shape[0], in: file.path) }
        return [a.shape[0], b.shape[1]]
    }

    /// What a pair is multiplied by on top of the user's scale.
    private mutating func scale(of module: LoRAFile.Module, rank: Int) throws -> Double {
        let alpha = try module.tensors[.alpha].map { entry in
            take([entry])
            return try file.number(entry)
        }
        return file.scaling.scale(of: module.name, alpha: alpha, rank: rank)
    }

    private mutating func take(_ entries: [SafetensorsEntry]) { taken.formUnion(entries.map(\.name)) }

    /// A change in full size.
    private mutating func add(
        _ entry: SafetensorsEntry, _ modules: [String], kind: Kind, _ form: LoRAChange.Form, scale: Double,
        _ order: LoRAAlias.RowOrder
    ) throws(LoRAError) {
        guard let keys = keys(of: modules, kind) else { return }
        let sizes = keys.map { shapes[$0]?.reduce(1, *) ?? 0 }
        let rows = keys.map { shapes[$0]?.first ?? 1 }.reduce(0, +)
        guard entry.shape.reduce(1, *) == sizes.reduce(0, +) else {
            throw .shape(entry.name, entry.shape, expected: "\(shapes[keys[0]] ?? [])", in: file.path)
        }
        try requireFloats([entry])
        let bare = LoRAFile.Module(name: "", tensors: [:])
        try add(bare, keys, form, scale: scale, rows, order)
        take([entry])
    }

    /// Adds each tensor's rows of a change to it.
    private mutating func add(
        _ module: LoRAFile.Module, _ keys: [String], _ form: LoRAChange.Form, scale: Double, _ rowCount: Int,
        _ order: LoRAAlias.RowOrder
    ) throws(LoRAError) {
        let magnitude = module.tensors[.magnitude]
        if let magnitude {
            guard magnitude.shape == [rowCount] || magnitude.shape == [rowCount, 1] else {
                throw .shape(magnitude.name, magnitude.shape, expected: "\([rowCount])", in: file.path)
            }
            try requireFloats([magnitude])
            take([magnitude])
        }
        var start = 0
        for key in keys {
            let count = shapes[key]?.first ?? 1
            merge.add(
                LoRAChange(
                    file: file, form: form, scale: factor * scale, magnitude: magnitude, rowCount: rowCount,
                    rows: start..<start + count, order: order), to: key)
            start += count
        }
    }

    private func requireInputs(_ entry: SafetensorsEntry, _ found: Int, _ keys: [String]) throws(LoRAError) {
        for key in keys {
            let expected = Self.inputs(shapes[key] ?? [])
            guard found == expected else {
                throw .width(entry.name, found, of: key, expected, what: "inputs", in: file.path)
            }
        }
    }

    private func requireOutputs(_ entry: SafetensorsEntry, _ found: Int, _ keys: [String]) throws(LoRAError) {
        let expected = keys.map { shapes[$0]?.first ?? 1 }.reduce(0, +)
        guard found == expected else {
            let name = keys.joined(separator: " and ")
            throw .width(entry.name, found, of: name, expected, what: "outputs", in: file.path)
        }
    }

    private func requireFloats(_ entries: [SafetensorsEntry]) throws(LoRAError) {
        for entry in entries where DType(entry.dtype)?.isFloatingPoint != true {
            throw .dtype(entry.name, found: entry.dtype.rawValue, in: file.path)
        }
    }
}
