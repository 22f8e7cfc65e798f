internal import Engine
internal import HTTPTypes
internal import Hummingbird

/// `/metrics`.
struct MetricsRoutes: Sendable {
    let core: ServerCore

    func add(to router: some RouterMethods<APIContext>) {
        router.get("/metrics") { request, context in
            try context.principal.require(.metrics)
            // TensorRT-LLM's clients ask for JSON by name.
            if request.headers[.accept]?.contains("application/json") ?? false {
                return try Response.plainJSON(core.metrics.takeIterations())
            }
            let gauges = try await gauges()
            let text = core.metrics.prometheus(gauges: gauges, counters: counters)
            return .text(text, "text/plain; version=0.0.4; charset=utf-8")
        }
    }

    private func series(_ name: String, _ labels: String = "") -> ServerMetrics.Series {
        ServerMetrics.Series(name: "visualgen_\(name)", labels: labels)
    }

    /// What others count than the server's figures.
    private var counters: [ServerMetrics.Series: Double] {
        core.keys.map { [series("key_file_refusals_total"): Double($0.figures.refusals)] } ?? [:]
    }

    private func gauges() async throws -> [ServerMetrics.Series: Double] {
        let census = try await core.jobs.store.census()
        var gauges = [
            series("requests_waiting"): Double(await core.queue.waitingCount),
            series("requests_running"): Double(await core.queue.runningCount),
            series("request_memory_bytes"): Double(core.memory.bytes),
            series("storage_bytes"): Double(census.bytes),
            series("worker_ready"): await core.model.worker.isReady() ? 1 : 0,
        ]
        gauges[series("storage_lost")] = core.jobs.folder.lost == nil ? 0 : 1
        if let figures = core.keys?.figures {
            gauges[series("keys")] = Double(figures.keys)
            gauges[series("key_file_faults")] = Double(figures.faults)
        }
        for (status, count) in census.counts { gauges[series("jobs", #"status="\#(status)""#)] = Double(count) }
        return gauges
    }
}
