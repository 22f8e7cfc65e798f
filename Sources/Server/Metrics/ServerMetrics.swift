internal import Diffusion
internal import Foundation
internal import Layers
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
        var queued = 0
        var active = 0
        var steps = 0
        var attentionKernels: Set<String> = []
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
    func finished(_ job: Job, _ timings: JobTimings, _ times: StageTimes) {
        state.withLock { state in
            state.count(job, "completed")
            state.attentionKernels.formUnion(times.kernels.attention.keys)
            for (stage, seconds) in [
                ("queue", timings.queue), ("load", timings.load), ("text", timings.text),
                ("denoise", timings.denoise), ("decode", timings.decode), ("encode", timings.encode),
            ] { state.add(stage, seconds) }
            for step in times.denoise { state.add("step", step) }
            for branch in timings.cache?.branches ?? [] {
                let series = Series(name: "visualgen_skipped_steps_total", labels: "")
                state.counters[series, default: 0] += Double(branch.skipped.count)
            }
        }
    }

    /// The kernels that attention of completed jobs ran.
    var attentionKernels: Set<String> { state.withLock { $0.attentionKernels } }

    /// Counts a job that came to nothing.
    func failed(_ job: Job, code: String) { state.withLock { $0.count(job, code) } }

    /// A job came.
    func accepted() {
        state.withLock { state in
            state.queued += 1
            state.note(nil, step: 0)
        }
    }

    /// A job's computation began.
    func begun(_ job: String) {
        state.withLock { state in
            (state.queued, state.active) = (state.queued - 1, state.active + 1)
            state.note(job, step: 0)
        }
    }

    /// A job whose computation came to nothing waits again.
    func retried(hadBegun: Bool) {
        state.withLock { state in
            if hadBegun { (state.queued, state.active) = (state.queued + 1, state.active - 1) }
            state.counters[Series(name: "visualgen_job_retries_total", labels: ""), default: 0] += 1
            state.note(nil, step: 0)
        }
    }

    /// A job has done a step more.
    func stepped(_ job: String, _ step: Int) {
        state.withLock { state in
            state.steps += 1
            state.note(job, step: step)
        }
    }

    /// A job is over.
    func ended(hadBegun: Bool) {
        state.withLock { state in
            if hadBegun { state.active -= 1 } else { state.queued -= 1 }
            state.note(nil, step: 0)
        }
    }

    /// The notes since they were last taken.
    func takeIterations() -> [IterationLog.Entry] { state.withLock { $0.iterations.take() } }

    /// All figures as Prometheus reads them.
    ///
    /// - Parameters:
    ///   - gauges: figures of this moment, by series
    ///   - others: what others counted, by series
    /// - Returns: the text
    func prometheus(gauges: [Series: Double], counters others: [Series: Double] = [:]) -> String {
        let (counters, histograms) = state.withLock { ($0.counters, $0.histograms) }
        var text = PrometheusText()
        text.add(counters.merging(others) { $1 }, type: "counter")
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

    /// Notes how busy the workers are, as TensorRT-LLM tells it.
    fileprivate mutating func note(_ job: String?, step: Int) {
        iterations.add(
            IterationLog.Entry(
                numQueuedRequests: queued, numActiveRequests: active, currentStepsProcessed: steps,
                currentRequestId: job, currentRequestStepIdx: step))
    }

    fileprivate mutating func add(_ stage: String, _ seconds: Double) {
        let series = ServerMetrics.Series(name: "visualgen_stage_seconds", labels: #"stage="\#(stage)""#)
        histograms[series, default: Histogram()].add(seconds)
    }
}
