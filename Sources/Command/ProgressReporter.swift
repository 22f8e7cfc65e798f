internal import Diffusion
internal import Foundation

/// Shows where a generation is: a bar on a terminal, plain lines elsewhere.
// @unchecked: everything that changes is only touched while holding `lock`.
final class ProgressReporter: @unchecked Sendable {
    private enum Style { case bar, lines, none }

    private let lock = NSLock()
    private let style: Style
    private var firstStep = ContinuousClock.now
    private var barIsOpen = false

    /// - Parameter quiet: whether to show nothing
    init(quiet: Bool) {
        style = quiet ? .none : isatty(STDERR_FILENO) == 1 ? .bar : .lines
    }

    /// Told of every change.
    var observe: ProgressObserver { { [self] in show($0) } }

    /// Names the files made.
    func finish(_ paths: [String]) {
        lock.withLock { print("saved \(paths.joined(separator: ", "))") }
    }

    private func show(_ progress: Diffusion.Progress) {
        lock.withLock {
            switch progress {
            case .loading(let component): print("loading \(component)")
            case .encodingText: print("encoding the prompt")
            case .denoising(let step, let count): denoising(step, of: count)
            case .decoding: print("decoding")
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
        let filled = 30 * step / count
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 30 - filled)
        write("\r\u{1B}[K\(bar) \(figures)")
        barIsOpen = true
    }

    private func print(_ line: String) {
        guard style != .none else { return }
        write((barIsOpen ? "\n" : "") + line + "\n")
        barIsOpen = false
    }

    private func write(_ text: String) {
        if style != .none { StandardError.write(text) }
    }
}
