import Foundation
import Layers
import TestKit

/// A tiny Cosmos3 as a golden has it: with its changes of the scheduler, or one that was distilled.
enum Cosmos3Model {
    /// Runs a body with a checkpoint.
    ///
    /// - Parameters:
    ///   - name: of a tiny checkpoint; that of the distilled one is made of another's components
    ///   - changes: of the scheduler's config
    ///   - body: what to do with it
    static func with<Result>(
        _ name: String, scheduler changes: [String: Any] = [:], _ body: (TinyModel) throws -> Result
    )
        throws -> Result
    {
        let isDistilled = name == "cosmos3-tiny-distilled"
        if !isDistilled, changes.isEmpty { return try body(TinyModel(name)) }
        let copy = try TinyCheckpoint(copying: isDistilled ? "cosmos3-tiny-super" : name)
        if isDistilled {
            for file in ["model_index.json", "scheduler/scheduler_config.json"] {
                let path = "\(TinyCheckpoint.path(of: name))/\(file)"
                try copy.replace(file, with: String(contentsOfFile: path, encoding: .utf8))
            }
        }
        try copy.editJSON("scheduler/scheduler_config.json") { $0.merge(changes) { _, new in new } }
        return try body(TinyModel(copy))
    }
}
