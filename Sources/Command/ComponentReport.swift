internal import Diffusion
internal import Files
internal import Foundation
internal import Layers
internal import Tensors

/// What a component has, beside what it should have.
struct ComponentReport {
    let lines: [String]
    /// How many tensors are missing, unread, of another shape or of a type that no model computes in.
    let faultCount: Int

    /// No more faults of a component are told one by one.
    private static let toldFaults = 100

    init(_ component: any InspectableComponent) throws {
        let source = try CheckpointWeights(component.place)
        let (weights, names) = (source.checkpoint, source.keys)
        let listing = try component.listing(of: Set(names))
        var faults: [String] = []
        var quantized = CheckedQuantization()
        do {
            quantized = try source.checkedQuantization(of: listing.linears, component.plan(ComputePlan()))
        } catch {
            faults.append("quantised layers: \(error)")
        }
        let (known, surplus) = listing.surplus(of: names)
        let unknown = surplus.filter { !quantized.keys.contains($0) }
        var parameters = 0
        for (key, shape) in listing.entries {
            parameters += shape.reduce(1, *)
            if quantized.bytes[key] != nil { continue }
            guard let entry = weights[key]?.entry else {
                faults.append("missing: \(key)" + (weights.brokenPromise(of: key).map { ": \($0)" } ?? ""))
                continue
            }
            if DType(entry.dtype)?.isFloatingPoint != true {
                faults.append("type: \(key) is \(entry.dtype.rawValue), a float type is needed")
            }
            if entry.shape != shape { faults.append("shape: \(key) is \(entry.shape), the config asks for \(shape)") }
        }
        if !component.allowsUnknown { faults += unknown.map { "unread: \($0.shown)" } }
        let entries = names.compactMap { weights[$0]?.entry }
        let types = Set(entries.map(\.dtype.rawValue)).sorted()
        var lines = [
            "\(component.name): \(Self.millions(parameters)) parameters, \(names.count) tensors, "
                + "\(types.joined(separator: " ")), \(Self.megabytes(entries.map(\.byteRange.count).reduce(0, +))) in "
                + "\(weights.files.count) file\(weights.files.count == 1 ? "" : "s")"
        ]
        if !quantized.told.isEmpty { lines.append("  quantised layers: \(quantized.told.joined(separator: ", "))") }
        lines += Self.note("config keys without effect", component.skippedKeys)
        lines += Self.note("tensors that this class leaves out", known)
        if component.allowsUnknown { lines += Self.note("unknown tensors without effect", unknown) }
        lines += weights.notes.map { "  the index \($0)" }
        lines += faults.prefix(Self.toldFaults).map { "  \($0)" }
        if faults.count > Self.toldFaults { lines.append("  and \(faults.count - Self.toldFaults) more faults") }
        faultCount = faults.count
        self.lines = lines
    }

    /// A line, or none if there is nothing to tell.
    private static func note(_ what: String, _ names: [String]) -> [String] {
        if names.isEmpty { return [] }
        let rest = names.count > 8 ? " and \(names.count - 8) more" : ""
        return ["  \(what): \(names.prefix(8).map(\.shown).joined(separator: ", "))\(rest)"]
    }

    private static func millions(_ count: Int) -> String { String(format: "%.1f M", Double(count) / 1e6) }
    private static func megabytes(_ bytes: Int) -> String { String(format: "%.1f MB", Double(bytes) / 1e6) }
}
