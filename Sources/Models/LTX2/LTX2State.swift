package import Diffusion
internal import Layers
package import Tensors

extension LTX2.Transformer.State: TransformerState {
    package static var predictedStreams: Int { 2 }

    package var marks: [Int] {
        [hasGroups.video, hasGroups.cross, isIsolated].map { $0 ? 1 : 0 } + perturbedBlocks.sorted()
    }

    /// Video, then sound.
    package func tokenStreams() -> [Tensor] { [video, audio] }

    package mutating func add(_ changes: [Tensor]) throws(TensorError) {
        video = try video + changes[0]
        if changes.count > 1 { audio = try audio + changes[1] }
    }

    /// Noise levels that differ between groups of tokens are spread over the tokens first.
    package mutating func mapTokens(_ map: TokenMap) throws(TensorError) {
        let count = video.size(1)
        try mapLastTokens(map)
        tables.video = try tables.video.mapped { table throws(TensorError) in try map(table, 0, 0) }
        tables.videoCross = try tables.videoCross.mapped { table throws(TensorError) in try map(table, 0, 0) }
        tables.audio = try tables.audio.mapped { table throws(TensorError) in try map(table, 0, 1) }
        tables.audioCross = try tables.audioCross.mapped { table throws(TensorError) in try map(table, 0, 1) }
        if hasGroups.video { levels.video = try map(levels.video.forEach(of: count), 1, 0) }
        guard hasGroups.cross else { return }
        levels.videoCross = try map(levels.videoCross.forEach(of: count), 1, 0)
        levels.videoGate = try map(levels.videoGate.forEach(of: count), 1, 0)
    }

    /// The streams, and the video's embedded noise levels where groups of tokens have their own.
    package mutating func mapLastTokens(_ map: TokenMap) throws(TensorError) {
        if hasGroups.video { videoTime = try map(videoTime.forEach(of: video.size(1)), 1, 0) }
        (video, audio) = (try map(video, 1, 0), try map(audio, 1, 1))
    }

    package mutating func mapTensors(_ map: (Tensor) throws(TensorError) -> Tensor) throws(TensorError) {
        (video, audio, videoTime, audioTime) = (try map(video), try map(audio), try map(videoTime), try map(audioTime))
        text = (try map(text.video), try map(text.audio))
        try levels.map(map)
        tables.video = try tables.video.mapped(map)
        tables.audio = try tables.audio.mapped(map)
        tables.videoCross = try tables.videoCross.mapped(map)
        tables.audioCross = try tables.audioCross.mapped(map)
    }
}

extension LTX2.Levels {
    fileprivate mutating func map(_ map: (Tensor) throws(TensorError) -> Tensor) throws(TensorError) {
        (video, audio) = (try map(video), try map(audio))
        (videoCross, audioCross) = (try map(videoCross), try map(audioCross))
        (videoGate, audioGate) = (try map(videoGate), try map(audioGate))
        if let prompt = videoPrompt { videoPrompt = try map(prompt) }
        if let prompt = audioPrompt { audioPrompt = try map(prompt) }
    }
}

extension Tensor {
    /// What groups of tokens in a row have, along axis 1, for each token.
    ///
    /// - Parameter count: how many tokens there are
    fileprivate func forEach(of count: Int) throws(TensorError) -> Tensor {
        size(1) == count ? self : try repeated(count / size(1), axis: 1)
    }
}
