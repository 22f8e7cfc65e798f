internal import Foundation

/// Where the program is that workers run.
enum WorkerLocation {
    /// The program that `VISUALGEN_WORKER` names, or `visualgen` beside the running program or on the path.
    ///
    /// - Parameter environment: the environment's variables
    /// - Returns: the path of a program
    /// - Throws: ``EngineError/noWorkerProgram(_:)``
    static func program(_ environment: [String: String] = ProcessInfo.processInfo.environment) throws(EngineError)
        -> String
    {
        var candidates: [String] = []
        if let named = environment["VISUALGEN_WORKER"], !named.isEmpty {
            candidates = [named]
        } else {
            if let running = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") {
                candidates.append((running as NSString).deletingLastPathComponent + "/visualgen")
            }
            candidates += (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/visualgen" }
        }
        for path in candidates where FileManager.default.isExecutableFile(atPath: path) { return path }
        throw .noWorkerProgram(Array(candidates.prefix(1)))
    }
}
