/// How long the engine waits for a worker, and how it replaces one.
package struct WorkerLimits: Sendable {
    /// After so long without a word a process counts as hung.
    package var silence = Duration.seconds(10)
    /// After so long without a finished step, or a decoded part of a video, a job counts as hung.
    package var stall = Duration.seconds(300)
    /// How long the first replacement waits; each further one twice as long, until a job is finished.
    package var firstDelay = Duration.milliseconds(100)
    package var longestDelay = Duration.seconds(30)
    /// After so many deaths in a row before the model is loaded, waiting requests fail.
    package var startAttempts = 3

    package init() {}

    /// How long a replacement waits.
    ///
    /// - Parameter deaths: how many came since a job was finished, at least 1
    /// - Returns: the delay
    func delay(after deaths: Int) -> Duration { min(longestDelay, firstDelay * (1 << min(deaths - 1, 20))) }
}
