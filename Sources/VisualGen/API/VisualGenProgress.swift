internal import Diffusion
internal import Hub

/// Where a request is.
public struct VisualGenProgress: Sendable, Equatable {
    /// What is being done.
    public enum Stage: Sendable, Equatable {
        /// A file of the model is on its way: the file, and bytes of all files.
        case downloading(file: String, bytes: Int, total: Int)
        /// A component's weights are being read.
        case loading(component: String)
        /// The prompt is being encoded.
        case encodingText
        /// So many denoising steps of so many are done.
        case denoising(step: Int, of: Int)
        /// Latents are becoming pixels.
        case decoding
    }

    /// Which prompt of the list, from 0.
    public let item: Int
    /// What is being done.
    public let stage: Stage

    /// - Parameters:
    ///   - item: which prompt
    ///   - progress: nil comes of a preview, which this interface does not ask for
    init?(item: Int, _ progress: Diffusion.Progress) {
        self.item = item
        switch progress {
        case .loading(let component): stage = .loading(component: component)
        case .encodingText: stage = .encodingText
        case .denoising(let step, let count): stage = .denoising(step: step, of: count)
        case .decoding: stage = .decoding
        case .preview: return nil
        }
    }

    init(_ progress: DownloadProgress) {
        item = 0
        stage = .downloading(file: progress.file, bytes: progress.bytes, total: progress.total)
    }
}
