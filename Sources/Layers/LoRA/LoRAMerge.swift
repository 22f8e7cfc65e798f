package import Tensors

/// What LoRA files add to the tensors of a component.
///
/// A tensor is changed as it is read: in 32-bit floats, and rounded once, to the type that the model has it in.
package struct LoRAMerge: Sendable {
    /// In the order of the files, by the tensors' keys.
    private(set) var changes: [String: [LoRAChange]] = [:]

    package init() {}

    /// The keys of the tensors that are changed, sorted.
    package var keys: [String] { changes.keys.sorted() }

    /// Whether a tensor is changed.
    ///
    /// - Parameter key: its name
    package func changes(_ key: String) -> Bool { changes[key] != nil }

    mutating func add(_ change: LoRAChange, to key: String) { changes[key, default: []].append(change) }

    /// Adds what another file changes.
    ///
    /// - Parameter other: its changes
    mutating func add(_ other: LoRAMerge) { changes.merge(other.changes, uniquingKeysWith: +) }

    /// Whether the parts of this tensor's rows cannot be changed without the others.
    func needsWholeRows(_ key: String) -> Bool { changes[key]?.contains(where: \.needsWholeRows) ?? false }

    /// So many numbers are changed at a time: their copies are small beside a model, and a product of fewer rows takes up to
    /// four times as long for a number, as threads wait for each other.
    private static let chunk = 1 << 23

    /// The changed tensor.
    ///
    /// - Parameters:
    ///   - key: its name
    ///   - tensor: as it is stored, of any float type; of several devices that share it, this one's part
    ///   - part: which part that is; nil for all of it
    ///   - dtype: what the changed numbers are rounded to
    ///   - device: where it is computed
    /// - Returns: the same shape in that type, on that device
    /// - Throws: ``LoRAError`` or ``TensorError``
    func merged(_ key: String, _ tensor: Tensor, part: LinearPart? = nil, as dtype: DType, on device: Device) throws
        -> Tensor
    {
        let loaded = try (changes[key] ?? []).map { try $0.read(part, on: device) }
        let shape = tensor.shape
        let stored = try tensor.reshaped(shape.first ?? 1, -1)
        let count = stored.size(0)
        let step = max(Self.chunk / max(stored.size(1), 1), 1)
        var chunks: [Tensor] = []
        for start in stride(from: 0, to: count, by: step) {
            let rows = start..<min(start + step, count)
            var chunk = try stored.slice(rows, axis: 0).to(.float32, on: device)
            for change in loaded { chunk = try change.applied(to: chunk, rows) }
            chunks.append(try chunk.to(dtype))
        }
        return try (chunks.count == 1 ? chunks[0] : concatenate(chunks, axis: 0)).reshaped(shape)
    }

    /// The most bytes that changing a tensor holds at once besides what it becomes.
    ///
    /// - Parameters:
    ///   - shapes: of the component's tensors, by key
    ///   - dtype: of the model
    ///   - quantized: the keys of weights in few bits, which are changed in 32
    /// - Returns: 0 if nothing is changed
    package func transientBytes(_ shapes: [String: [Int]], _ dtype: DType, quantized: some Collection<String>) -> Int {
        let (float, quantized) = (DType.float32.size, Set(quantized))
        return changes.map { key, changes in
            let count = shapes[key]?.reduce(1, *) ?? 0
            if quantized.contains(key) { return 4 * count * float }
            // The chunks before they are joined, the last one's copies, and a change that is as large as the tensor.
            let change = changes.allSatisfy(\.isNarrow) ? 0 : 3 * count * float
            return count * dtype.size + 4 * min(count, Self.chunk) * float + change
        }.max() ?? 0
    }
}
