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
            return .text(core.metrics.prometheus(gauges: gauges), "text/plain; version=0.0.4; charset=utf-8")
        }
    }

    private func gauges() async throws -> [ServerMetrics.Series: Double] {
        func series(_ name: String, _ labels: String = "") -> ServerMetrics.Series {
            ServerMetrics.Series(name: "visualgen_\(name)", labels: labels)
        }
        let census = try await core.jobs.store.census()
        var gauges = [
            series("requests_waiting"): Double(await core.queue.waitingCount),
            series("requests_running"): Double(await core.queue.runningCount),
            series("storage_bytes"): Double(census.bytes),
            series("worker_ready"): await core.model.worker.isReady() ? 1 : 0,
        ]
        for (status, count) in census.counts { gauges[series("jobs", #"status="\#(status)""#)] = Double(count) }
        return gauges
    }
}
