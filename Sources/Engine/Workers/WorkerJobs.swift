internal import Diffusion

/// The requests that a worker's process does one after another.
struct WorkerJobs {
    /// A request on its way.
    struct Job {
        let number: Int
        let request: GenerationRequest
        let observe: ProgressObserver
        let delivery: PartDelivery

        init(
            _ number: Int, _ request: GenerationRequest, _ observe: @escaping ProgressObserver, _ delivery: PartDelivery
        ) {
            (self.number, self.request, self.observe, self.delivery) = (number, request, observe, delivery)
        }
    }

    /// In the order they came; the first is being done if ``isBusy``.
    private var jobs: [Job] = []
    /// Whether a process was given the first.
    private(set) var isBusy = false

    /// Whether nobody waits.
    var isEmpty: Bool { jobs.isEmpty }

    /// The first, if no process has it.
    var next: Job? { isBusy ? nil : jobs.first }

    /// Takes one more.
    mutating func add(_ job: Job) { jobs.append(job) }

    /// A process was given the first.
    mutating func begin() { isBusy = true }

    /// The job of a number, if a process is at it.
    func current(_ number: Int) -> Job? {
        guard isBusy, let job = jobs.first, job.number == number else { return nil }
        return job
    }

    /// Takes out what the process is at.
    mutating func finish() -> Job? {
        guard isBusy else { return nil }
        isBusy = false
        return jobs.removeFirst()
    }

    /// Takes out one that no process has.
    mutating func withdraw(_ number: Int) -> Job? {
        guard current(number) == nil, let place = jobs.firstIndex(where: { $0.number == number }) else { return nil }
        return jobs.remove(at: place)
    }

    /// Takes out all.
    mutating func removeAll() -> [Job] {
        defer { (jobs, isBusy) = ([], false) }
        return jobs
    }
}
