internal import Foundation
internal import Synchronization

/// The server's figures since it started.
package final class ServerMetrics: Sendable {
    /// A name and its labels, as Prometheus writes them.
    struct Series: Hashable, Comparable {
        let name, labels: String

        static func < (left: Series, right: Series) -> Bool { (left.name, left.labels) < (right.name, right.labels) }
    }

    fileprivate struct State {
        var counters: [Series: Double] = [:]
        var histograms: [Series: Histogram] = [:]
        var iterations = IterationLog()
    }

    private let state = Mutex(State())

    package init() {}

    /// Counts an answered request.
    func answered(_ route: String, method: String, status: Int, seconds: Double) {
        state.withLock { state in
            let labels = #"method="\#(method)",route="\#(route)",status="\#(status)""#
            state.counters[Series(name: "visualgen_http_requests_total", labels: labels), default: 0] += 1
            let series = Series(name: "visualgen_http_request_seconds", labels: #"route="\#(route)""#)
            state.histograms[series, default: Histogram()].add(seconds)
        }
    }

    /// Counts a completed job and how long its parts took.
    func finished(_ job: Job, _ timings: JobTimings, steps: [Double]) {
        state.withLock { state in
            state.count(job, "completed")
            for (stage, seconds) in [
                ("queue", timings.queue), ("load", timings.load), ("text", timings.text),
                ("denoise", timings.denoise), ("decode", timings.decode), ("encode", timings.encode),
            ] { state.add(stage, seconds) }
            for step in steps { state.add("step", step) }
        }
    }

    /// Counts a job that came to nothing.
    func failed(_ job: Job, code: String) { state.withLock { $0.count(job, code) } }

    /// Notes how busy the worker is, as TensorRT-LLM tells it.
    func note(_ iteration: IterationLog.Entry) { state.withLock { $0.iterations.add(iteration) } }

    /// The notes since they were last taken.
    func takeIterations() -> [IterationLog.Entry] { state.withLock { $0.iterations.take() } }

    /// All figures as Prometheus reads them.
    ///
    /// - Parameter gauges: figures of this moment, by series
    /// - Returns: the text
    func prometheus(gauges: [Series: Double]) -> String {
        let (counters, histograms) = state.withLock { ($0.counters, $0.histograms) }
        var text = PrometheusText()
        text.add(counters, type: "counter")
        text.add(gauges, type: "gauge")
        text.add(histograms)
        return text.text
    }
}

extension ServerMetrics.State {
    fileprivate mutating func count(_ job: Job, _ result: String) {
        let labels = #"kind="\#(job.kind.rawValue)",result="\#(result)""#
        counters[ServerMetrics.Series(name: "visualgen_jobs_total", labels: labels), default: 0] += 1
    }

    fileprivate mutating func add(_ stage: String, _ seconds: Double) {
        let series = ServerMetrics.Series(name: "visualgen_stage_seconds", labels: #"stage="\#(stage)""#)
        histograms[series, default: Histogram()].add(seconds)
    }
}
