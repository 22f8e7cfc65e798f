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
            let workers = await core.model.workers.conditions()
            let text = core.metrics.prometheus(gauges: try await gauges(workers), counters: counters(workers))
            return .text(text, "text/plain; version=0.0.4; charset=utf-8")
        }
    }

    private func series(_ name: String, _ labels: String = "") -> ServerMetrics.Series {
        ServerMetrics.Series(name: "visualgen_\(name)", labels: labels)
    }

    /// What others count than the server's figures.
    private func counters(_ workers: [WorkerPool.Condition]) -> [ServerMetrics.Series: Double] {
        var counters: [ServerMetrics.Series: Double] = [:]
        counters[series("key_file_refusals_total")] = core.keys.map { Double($0.figures.refusals) }
        for (index, worker) in workers.enumerated() {
            counters[series("worker_restarts_total", #"worker="\#(index)""#)] = Double(worker.restarts)
        }
        return counters
    }

    private func gauges(_ workers: [WorkerPool.Condition]) async throws -> [ServerMetrics.Series: Double] {
        let census = try await core.jobs.store.census()
        var gauges = [
            series("requests_waiting"): Double(await core.queue.waitingCount),
            series("requests_running"): Double(await core.queue.runningCount),
            series("request_memory_bytes"): Double(core.memory.bytes),
            series("storage_bytes"): Double(census.bytes),
        ]
        for (index, worker) in workers.enumerated() {
            gauges[series("worker_ready", #"worker="\#(index)""#)] = worker.isReady ? 1 : 0
        }
        gauges[series("storage_lost")] = core.jobs.folder.lost == nil ? 0 : 1
        if let figures = core.keys?.figures {
            gauges[series("keys")] = Double(figures.keys)
            gauges[series("key_file_faults")] = Double(figures.faults)
        }
        for (status, count) in census.counts { gauges[series("jobs", #"status="\#(status)""#)] = Double(count) }
        return gauges
    }
}
