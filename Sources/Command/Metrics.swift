internal import Diffusion
internal import Foundation
internal import Layers
internal import Tensors
internal import VisualGen

/// What `--metrics` writes: seconds of each stage, and the peak memory of the process and the GPU.
struct Metrics {
    var load = 0.0
    var encode = 0.0
    /// What was foreseen before the request began, in bytes.
    var predictedPeakMemory = 0

    /// Runs a body and adds its time to a stage.
    mutating func measure(_ stage: WritableKeyPath<Metrics, Double>, _ body: () async throws -> Void) async rethrows {
        let start = ContinuousClock.now
        try await body()
        self[keyPath: stage] += (ContinuousClock.now - start).seconds
    }

    /// Writes the JSON; the file appears whole or not at all.
    ///
    /// - Parameters:
    ///   - stages: the pipeline's own stages
    ///   - path: where it goes
    /// - Throws: ``OutputError``
    func write(_ stages: StageTimes, to path: String) throws {
        var values: [String: Any] = [
            "load": load + stages.load, "text": stages.text, "denoise": stages.denoise, "decode": stages.decode,
            "encode": encode, "peak_memory_bytes": Self.peakMemory,
            "predicted_peak_memory_bytes": predictedPeakMemory,
        ]
        values["device_memory"] = stages.deviceMemory?.json
        values["kernels"] = ["attention": stages.kernels.attention]
        values["cache"] = stages.cache.map { $0.branches.map(\.json) }
        let json = try JSONSerialization.data(withJSONObject: values, options: [.prettyPrinted, .sortedKeys])
        try OutputError.write(json, to: path)
    }

    /// The most memory this process ever held, in bytes, as the kernel counts it.
    static var peakMemory: Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        let kilobytes = line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }
        return (kilobytes ?? 0) * 1024
    }
}

extension DeviceMemory {
    /// The peaks by names, for JSON.
    var json: [String: Any] { ["peak_allocated_bytes": peakAllocated, "peak_reserved_bytes": peakReserved] }
}

extension CacheReport.Branch {
    /// The report by names, for JSON.
    fileprivate var json: [String: Any] {
        var values: [String: Any] = [
            "transformer": transformer == 0 ? "transformer" : "transformer_\(transformer + 1)",
            "guidance": guidance.map { $0 == 0 ? "positive" : "negative" } ?? "joint",
            "steps": [steps.lowerBound, steps.upperBound], "skipped_steps": skipped, "blocks": blocks,
            "skipped_blocks": [skippedBlocks.lowerBound, skippedBlocks.upperBound], "skipped_share": skippedShare,
            "changes": changes.map { $0.map { $0 as Any } ?? NSNull() },
            "audits": audits.map { ["step": $0.step, "error": $0.error] as [String: Any] },
        ]
        values["greatest_error"] = greatestError
        values["stopped_at"] = stoppedAt
        return values
    }
}
