internal import Diffusion

/// Takes what a pipeline makes, and writes it into files that appear whole or not at all.
protocol Output: Sendable {
    /// Seconds spent on encoding and writing so far.
    var seconds: Double { get }

    /// Takes images or frames; they come in order.
    ///
    /// - Parameter part: some frames of every video, or all images
    /// - Throws: `MediaError`, or `CancellationError` once it was given up
    func deliver(_ part: PixelPart) throws

    /// Gives every file its name.
    ///
    /// - Throws: `MediaError`, or `CancellationError` once it was given up
    func finish() throws

    /// Removes what was written under other names; from any thread, and without harm when all is done.
    func abandon()
}
