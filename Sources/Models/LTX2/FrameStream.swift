internal import Layers
internal import Tensors

/// A step of an autoencoder of videos at work: it takes frames one at a time, and gives frames as soon as it has seen what
/// they depend on.
///
/// Frames are `[batch, 1, height, width, channels]`.
protocol FrameStream {
    /// Takes the next frame.
    ///
    /// - Parameter frame: as the step before gives it
    /// - Returns: the frames that are complete now
    mutating func take(_ frame: Tensor) throws(TensorError) -> [Tensor]

    /// No frame comes any more.
    ///
    /// - Returns: the frames that waited for more
    mutating func end() throws(TensorError) -> [Tensor]
}

/// Steps of which each takes what the one before it gives.
///
/// A frame passes all steps before the next one does, so that large frames are never many.
struct FrameChain {
    private var streams: [any FrameStream]

    init(_ streams: [any FrameStream]) { self.streams = streams }

    /// - Parameters:
    ///   - frame: the next frame
    ///   - emit: takes each frame that the last step gives
    /// - Throws: ``TensorError``, or what `emit` throws
    mutating func take(_ frame: Tensor, _ emit: (Tensor) throws -> Void) throws { try pass([frame], to: 0, emit) }

    /// - Parameter emit: takes each frame that still comes when no other does
    /// - Throws: ``TensorError``, or what `emit` throws
    mutating func end(_ emit: (Tensor) throws -> Void) throws { while try !endNext(emit) {} }

    /// Ends the first step that has not ended, and lets it go: what waits for more comes little by little.
    ///
    /// - Parameter emit: takes each frame that comes
    /// - Returns: whether all steps have ended
    /// - Throws: ``TensorError``, or what `emit` throws
    mutating func endNext(_ emit: (Tensor) throws -> Void) throws -> Bool {
        guard !streams.isEmpty else { return true }
        let frames = try streams[0].end()
        streams.removeFirst()
        try pass(frames, to: 0, emit)
        return streams.isEmpty
    }

    private mutating func pass(_ frames: [Tensor], to index: Int, _ emit: (Tensor) throws -> Void) throws {
        for frame in frames {
            guard index < streams.count else {
                try emit(frame)
                continue
            }
            try pass(streams[index].take(frame), to: index + 1, emit)
        }
    }
}

/// Where a decoder begins to see less around a strip of a video.
struct NarrowingStream: FrameStream {
    let stage: DecodingStage
    let context: ComputeContext

    mutating func take(_ frame: Tensor) throws(TensorError) -> [Tensor] { [try context.narrowed(frame, to: stage)] }

    mutating func end() throws(TensorError) -> [Tensor] { [] }
}

/// What a convolution has seen of a video that comes frame by frame.
///
/// Before the first frame stands the first itself, and behind the last the last: of a causal convolution two before, else one
/// at either end.
struct FrameWindow {
    private let isCausal: Bool
    /// Ready for the convolution.
    private var frames: [Tensor] = []

    init(isCausal: Bool) { self.isCausal = isCausal }

    /// - Parameters:
    ///   - frame: the next one
    ///   - convolution: what is applied
    /// - Returns: a frame, that of the one before where the convolution is not causal; nil if there is none before
    mutating func take(_ frame: Tensor, _ convolution: Convolution3D) throws(TensorError) -> Tensor? {
        let frame = try convolution.ready(frame)
        if frames.isEmpty { frames = Array(repeating: frame, count: isCausal ? 2 : 1) }
        frames.append(frame)
        guard frames.count == 3 else { return nil }
        defer { frames.removeFirst() }
        return try convolution(ready: concatenate(frames, axis: 1))
    }

    /// - Parameter convolution: what is applied
    /// - Returns: the frame of the last one, where it is still to come
    mutating func end(_ convolution: Convolution3D) throws(TensorError) -> Tensor? {
        guard !isCausal, let last = frames.last else { return nil }
        defer { frames = [] }
        return try convolution(ready: concatenate(frames + [last], axis: 1))
    }
}
