internal import Tensors

/// What one module of a LoRA file adds to one tensor of a model.
struct LoRAChange: Sendable {
    /// A factor of LoKr.
    enum Factor: Sendable {
        case whole(SafetensorsEntry)
        case product(SafetensorsEntry, SafetensorsEntry)
    }

    /// The change, `[outputs, inputs]`; of a bias or a norm's weight with one input.
    enum Form: Sendable {
        /// B · A.
        case product(up: SafetensorsEntry, down: SafetensorsEntry)
        case kronecker(Factor, Factor)
        /// Two products, multiplied number by number.
        case hadamard((SafetensorsEntry, SafetensorsEntry), (SafetensorsEntry, SafetensorsEntry))
        /// As it is.
        case difference(SafetensorsEntry)
        /// What the tensor becomes.
        case replacement(SafetensorsEntry)
    }

    let file: LoRAFile
    let form: Form
    /// By how much the change is multiplied.
    let scale: Double
    /// DoRA's lengths of the rows.
    var magnitude: SafetensorsEntry?
    /// How many rows the change has in the file, and which of them are this tensor's.
    let rowCount: Int
    let rows: Range<Int>
    let order: LoRAAlias.RowOrder

    /// Whether a part of a row is not enough to change it.
    var needsWholeRows: Bool { magnitude != nil }

    /// Whether it is a product of two narrow matrices, and not as large as what it changes.
    var isNarrow: Bool { if case .product = form { true } else { false } }

    /// Reads what the change is made of.
    ///
    /// - Parameters:
    ///   - part: what this device has of the tensor; nil for all
    ///   - device: where it is computed
    /// - Returns: what changes the tensor
    /// - Throws: ``LoRAError`` or ``TensorError``
    func read(_ part: LinearPart?, on device: Device) throws -> LoadedLoRA {
        let outputs = part?.outputs.map { LinearPart(outputs: $0) }
        return LoadedLoRA(
            change: try change(part, outputs, on: device),
            lengths: try magnitude.map { try cut(reading($0, on: device), outputs) })
    }

    private func change(_ part: LinearPart?, _ outputs: LinearPart?, on device: Device) throws -> LoadedLoRA.Change {
        switch form {
        case .product(let up, let down):
            let a = try matrix(down, on: device)
            // B is smaller than the product, and scaled in 32 bits as that would be.
            return .product(
                try cut(matrix(up, on: device), outputs) * scale, try part?.inputs?.cut(a, axis: 1) ?? a)
        case .kronecker(let one, let two):
            return .sum(try cut(kronecker(factor(one, on: device) * scale, factor(two, on: device)), part))
        case .hadamard(let one, let two):
            let product = try multiplied(one, on: device) * multiplied(two, on: device)
            return .sum(try cut(product, part) * scale)
        case .difference(let entry): return .sum(try cut(reading(entry, on: device), part) * scale)
        case .replacement(let entry): return .replacement(try cut(reading(entry, on: device), part), scale: scale)
        }
    }

    /// A tensor of as many rows as the change.
    private func reading(_ entry: SafetensorsEntry, on device: Device) throws -> Tensor {
        try file.tensor(entry, on: device).reshaped(rowCount, -1)
    }

    /// A factor with its first axis as rows: of a convolution, the others are the columns.
    private func matrix(_ entry: SafetensorsEntry, on device: Device) throws -> Tensor {
        let tensor = try file.tensor(entry, on: device)
        return entry.shape.count == 2 ? tensor : try tensor.reshaped(entry.shape[0], -1)
    }

    private func multiplied(_ pair: (SafetensorsEntry, SafetensorsEntry), on device: Device) throws -> Tensor {
        try matmul(matrix(pair.0, on: device), matrix(pair.1, on: device))
    }

    private func factor(_ factor: Factor, on device: Device) throws -> Tensor {
        switch factor {
        case .whole(let entry): try matrix(entry, on: device)
        case .product(let a, let b): try multiplied((a, b), on: device)
        }
    }

    /// Every number of the first times the whole second: `[a, b]` and `[c, d]` become `[a · c, b · d]`.
    private func kronecker(_ one: Tensor, _ two: Tensor) throws(TensorError) -> Tensor {
        let (a, b, c, d) = (one.size(0), one.size(1), two.size(0), two.size(1))
        return try (one.reshaped(a, 1, b, 1) * two.reshaped(1, c, 1, d)).reshaped(a * c, b * d)
    }

    /// This tensor's rows of a change, in the model's order, as far as this device has them.
    private func cut(_ whole: Tensor, _ part: LinearPart?) throws(TensorError) -> Tensor {
        var own = whole
        if order == .halvesSwapped {
            let half = rowCount / 2
            own = try concatenate([own.slice(half..<rowCount, axis: 0), own.slice(0..<half, axis: 0)], axis: 0)
        }
        if rows.count < rowCount { own = try own.slice(rows, axis: 0) }
        return try part?.cut(own) ?? own
    }
}
