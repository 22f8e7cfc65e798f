/// Figures in Prometheus's text format, version 0.0.4.
struct PrometheusText {
    private(set) var text = ""

    private static let help = [
        "visualgen_http_requests_total": "Answered requests.",
        "visualgen_http_request_seconds": "How long answers took, streams included.",
        "visualgen_jobs_total": "Jobs by what became of them.",
        "visualgen_stage_seconds": "How long the parts of completed jobs took; step is one denoising step.",
        "visualgen_skipped_steps_total": "Predictions of denoising steps that a step cache left blocks out of.",
        "visualgen_requests_waiting": "Requests that wait for a worker.",
        "visualgen_requests_running": "Requests that are being computed.",
        "visualgen_request_memory_bytes": "Bytes that requests hold while they are read and checked.",
        "visualgen_jobs": "Jobs in the store.",
        "visualgen_storage_bytes": "Bytes of all jobs' files and of their rows in the store.",
        "visualgen_storage_lost": "Whether files of the store were removed under the running server.",
        "visualgen_keys": "Keys that count.",
        "visualgen_key_file_faults": "Lines of the file of keys that are refused now, or the file itself.",
        "visualgen_key_file_refusals_total": "Readings of the file of keys that were refused, in whole or in part.",
        "visualgen_worker_ready": "Whether a worker can serve.",
        "visualgen_worker_restarts_total": "How often a worker's process was replaced.",
        "visualgen_job_retries_total": "Jobs that were begun anew: their worker died, or one of their batch failed.",
    ]

    mutating func add(_ values: [ServerMetrics.Series: Double], type: String) {
        for (name, group) in grouped(values) {
            begin(name, type)
            for (series, value) in group { line(name, series.labels, value) }
        }
    }

    mutating func add(_ histograms: [ServerMetrics.Series: Histogram]) {
        for (name, group) in grouped(histograms) {
            begin(name, "histogram")
            for (series, histogram) in group {
                var count = 0
                for (bound, own) in zip(Histogram.bounds.map { "\($0)" } + ["+Inf"], histogram.counts) {
                    count += own
                    line("\(name)_bucket", "\(series.labels),le=\"\(bound)\"", Double(count))
                }
                line("\(name)_sum", series.labels, histogram.sum)
                line("\(name)_count", series.labels, Double(count))
            }
        }
    }

    private func grouped<Value>(_ values: [ServerMetrics.Series: Value]) -> [(
        name: String, group: [(key: ServerMetrics.Series, value: Value)]
    )] {
        Dictionary(grouping: values) { $0.key.name }
            .map { ($0.key, $0.value.sorted { $0.key < $1.key }) }.sorted { $0.0 < $1.0 }
    }

    private mutating func begin(_ name: String, _ type: String) {
        if let help = Self.help[name] { text += "# HELP \(name) \(help)\n" }
        text += "# TYPE \(name) \(type)\n"
    }

    private mutating func line(_ name: String, _ labels: String, _ value: Double) {
        let number = Int(exactly: value).map(String.init) ?? "\(value)"
        text += "\(name)\(labels.isEmpty ? "" : "{\(labels)}") \(number)\n"
    }
}
