internal import Diffusion
internal import Engine
internal import Files
internal import Foundation
internal import Hub

/// Shows where a generation is: a bar on a terminal, plain lines elsewhere.
// @unchecked: everything that changes is only touched while holding `lock`.
final class ProgressReporter: @unchecked Sendable {
    private enum Style { case bar, lines, none }

    private let lock = NSLock()
    private let style: Style
    private var firstStep = ContinuousClock.now
    private var barIsOpen = false
    /// The last part of a work on files that was told.
    private var told = -1

    /// - Parameter quiet: whether to show nothing
    init(quiet: Bool) {
        style = quiet ? .none : isatty(STDERR_FILENO) == 1 ? .bar : .lines
    }

    /// Told of every change.
    var observe: ProgressObserver { { [self] in show($0) } }

    /// Told of downloads.
    var observeDownload: @Sendable (DownloadProgress) -> Void { { [self] in show($0) } }

    /// Tells what is made otherwise than it was asked for, or changes nothing.
    func warn(_ sentence: String) {
        if !sentence.isEmpty { lock.withLock { print("visualgen: \(sentence)") } }
    }

    /// Tells how many frames of a video are there; where there is no terminal, a few times only.
    func show(_ part: OutputPart) {
        guard case .pixels(let part) = part, let count = part.shape.frames, count > 1 else { return }
        let done = part.firstFrame + part.frameCount
        lock.withLock {
            let figures = "frame \(done)/\(count)"
            if style == .bar { return bar(30 * done / count, figures) }
            if 4 * done / count > 4 * part.firstFrame / count { print("decoding: \(figures)") }
        }
    }

    /// Names the files made.
    func finish(_ paths: [String]) {
        lock.withLock { print("saved \(paths.joined(separator: ", "))") }
    }

    private func show(_ download: DownloadProgress) {
        show("downloading", download.file, bytes: download.bytes, of: download.total)
    }

    /// Tells how far a quantised copy is.
    func show(_ copy: ModelQuantizer.Progress) {
        if !copy.file.isEmpty { show("quantising", copy.file, bytes: copy.bytes, of: copy.total) }
    }

    /// On a terminal every percent; elsewhere every tenth of what is known to be needed.
    private func show(_ work: String, _ file: String, bytes: Int, of total: Int) {
        lock.withLock {
            let parts = style == .bar ? 100 : 10
            let part = total > 0 ? parts * bytes / total : 0
            guard part != told else { return }
            told = part
            let figures = String(format: "%.1f of %.1f MB", Double(bytes) / 1e6, Double(total) / 1e6)
            guard style == .bar else { return print("\(work): \(figures)") }
            bar(30 * part / parts, "\(figures), \(file)")
        }
    }

    private func show(_ progress: Diffusion.Progress) {
        lock.withLock {
            switch progress {
            case .loading(let component): print("loading \(component)")
            case .encodingText: print("encoding the prompt")
            case .denoising(let step, let count): denoising(step, of: count)
            case .decoding: print("decoding")
            case .preview: break
            }
        }
    }

    private func denoising(_ step: Int, of count: Int) {
        guard step > 0 else {
            firstStep = .now
            return
        }
        let seconds = (ContinuousClock.now - firstStep).seconds / Double(step)
        let left = seconds * Double(count - step)
        let figures = String(format: "step %d/%d, %.2f s a step, %.0f s left", step, count, seconds, left)
        guard style == .bar else { return print("denoising: \(figures)") }
        bar(30 * step / count, figures)
    }

    /// Draws the bar, of whose 30 parts some are filled.
    private func bar(_ filled: Int, _ figures: String) {
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 30 - filled)
        write("\(bar) \(figures.onOneLine)", after: "\r\u{1B}[K")
        barIsOpen = true
    }

    private func print(_ line: String) {
        guard style != .none else { return }
        write((barIsOpen ? "\n" : "") + line.onOneLine + "\n")
        barIsOpen = false
    }

    private func write(_ text: String, after command: StaticString = "") {
        if style != .none { StandardError.write(text, after: command) }
    }
}
