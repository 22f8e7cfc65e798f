internal import Diffusion
internal import Layers
internal import Tensors

/// The memory of the steps that a video's frames pass one at a time, in bytes besides weights.
///
/// What waits in every step for other frames is counted with what the one at work takes: the frames of its window, side by side,
/// what comes of them, and what the convolution needs for itself.
struct LTX2FrameMemory {
    /// A frame, or a part of one.
    typealias Size = (rows: Int, columns: Int)

    private let batch: Int
    private let dtype: DType
    private let device: Device
    private let isCausal, isReflected: Bool
    /// Whether one frame comes alone: it passes one step after the other.
    private let isStill: Bool
    /// In the steps so far, what each keeps for how long, in frames of what enters.
    private var steps: [(kept: Double, delay: Double)] = []
    /// What all steps before a still's keep, and what of it lies in small tensors.
    private var before = 0.0
    private var small = 0.0
    /// What the step at work takes at most.
    private var most = 0.0
    private var largest = 0.0
    /// How many frames one that enters has become.
    private var rate = 1.0

    /// - Parameters:
    ///   - batch: how many videos
    ///   - dtype: what the steps compute in
    ///   - device: where they do
    ///   - edges: what their convolutions see around a frame
    ///   - isCausal: whether frames depend on those before them alone
    ///   - isStill: whether one frame comes alone
    init(
        batch: Int, _ dtype: DType, on device: Device, _ edges: Convolution3D.Edges, isCausal: Bool, isStill: Bool
    ) {
        (self.batch, self.dtype, self.device) = (batch, dtype, device)
        (self.isCausal, self.isStill) = (isCausal, isStill)
        isReflected = edges == .reflect
    }

    /// What is in use at once while a video passes.
    ///
    /// - Parameter frames: of what enters
    /// - Returns: bytes
    func used(frames: Int) -> Double { kept(frames: frames) + most }

    /// What steps keep: those that have something lie so near each other that the video reaches from the first to the last.
    private func kept(frames: Int) -> Double {
        if isStill { return 0 }
        if isCausal { return steps.reduce(0) { $0 + $1.kept } }
        var (result, sum, delay, first) = (0.0, 0.0, 0.0, 0)
        for step in steps {
            (sum, delay) = (sum + step.kept, delay + step.delay)
            while delay - steps[first].delay >= Double(frames) {
                (sum, delay) = (sum - steps[first].kept, delay - steps[first].delay)
                first += 1
            }
            result = max(result, sum)
        }
        return result
    }

    /// What is in use at once while what comes out waits to be joined.
    ///
    /// That is all that comes of a frame that enters, or of the step that ends when no more enter. It comes as soon as the video
    /// reaches to the last step.
    ///
    /// - Parameters:
    ///   - frames: of what enters
    ///   - waiting: the bytes of what comes of one of them
    ///   - joining: what joining takes
    /// - Returns: bytes
    func used(frames: Int, waiting: Double, joining: Double) -> Double {
        let work = max(most, joining)
        let all = steps.reduce((kept: 0.0, delay: 0.0)) { ($0.kept + $1.kept, $0.delay + $1.delay) }
        if isCausal { return all.kept + waiting + work }
        var result = used(frames: frames)
        if all.delay < Double(frames) { result = max(result, all.kept + waiting + work) }
        var (kept, delay) = (0.0, 0.0)
        for step in steps.reversed() where delay < Double(frames) {
            kept += step.kept
            result = max(result, kept + step.delay * waiting + work)
            delay += step.delay
        }
        return result
    }

    /// The memory of the same steps at work in several tiles, of which one at a time takes a frame.
    ///
    /// - Parameter other: of other tiles
    mutating func join(_ other: LTX2FrameMemory) {
        for index in steps.indices { steps[index].kept += other.steps[index].kept }
        (most, largest) = (max(most, other.most), max(largest, other.largest))
    }

    /// What is held when this much is in use at most: memory of tensors that are gone is kept for the next ones, a quarter more
    /// than was ever in use, or the largest once more; and what is taken again may be up to an eighth larger than what is asked for,
    /// of which half is counted (native/Sources/CTorch/memory.cpp).
    ///
    /// - Parameter used: bytes
    /// - Returns: bytes
    func held(_ used: Double) -> Double { used * 17 / 16 + max(used / 4, largest) + (isStill ? small : 0) }
}

extension LTX2FrameMemory {
    /// A convolution, after a norm or not.
    mutating func addConvolution(from: Int, to: Int, _ size: Size, hasNorm: Bool = false) {
        let input = frame(from, size)
        let convolution = convolution(from: from, to: to, size)
        add(
            [window(from, size)], work: input + (hasNorm ? input : 0) + padding(from, size) + convolution.bytes,
            largest: convolution.largest, delay: 1)
    }

    /// Two convolutions, each after a norm, added to the input.
    ///
    /// - Parameters:
    ///   - from: channels of the input
    ///   - to: channels of the output
    ///   - size: of a frame
    ///   - isDoubled: whether two frames come at once, which lie in one tensor
    mutating func addBlock(from: Int, to: Int, _ size: Size, isDoubled: Bool = false) {
        let (input, output) = (frame(from, size), frame(to, size))
        let (first, second) = (convolution(from: from, to: to, size), convolution(from: to, to: to, size))
        var kept = [window(from, size), window(to, size)]
        if !isCausal { kept.append((input, isStill ? 1 : 2)) }
        if isDoubled, !isStill { kept.append((input, 2)) }
        let own = isDoubled && !isStill ? 0 : input
        add(
            kept,
            work: own
                + max(
                    input + padding(from, size) + first.bytes, 2 * output + padding(to, size) + second.bytes),
            largest: max(first.largest, second.largest), delay: 2)
    }

    /// Channels that become frames and positions.
    ///
    /// - Returns: the size of what comes out
    mutating func addUpsampler(
        from: Int, to: Int, _ scaling: AutoencoderKLLTX2VideoConfig.Scaling, isResidual: Bool, _ size: Size
    )
        -> Size
    {
        let (input, large) = (frame(from, size), frame(to * scaling.count, size))
        let convolution = convolution(from: from, to: to * scaling.count, size)
        let spread = isResidual ? 4 * large + 2 * input : 3 * large + input
        add(
            [window(from, size), (input, 1)],
            work: max(input + padding(from, size) + convolution.bytes, spread),
            largest: max(convolution.largest, large), delay: 1)
        rate *= Double(scaling.frames)
        return (size.rows * scaling.size, size.columns * scaling.size)
    }

    /// Frames and positions that become channels, beside their means.
    ///
    /// - Returns: the size of what comes out
    mutating func addDownsampler(from: Int, to: Int, _ scaling: AutoencoderKLLTX2VideoConfig.Scaling, _ size: Size)
        -> Size
    {
        let (frames, channels) = (Double(scaling.frames), max(to / scaling.count, 1))
        let (input, convolved) = (frame(from, size), frame(channels, size))
        let convolution = convolution(from: from, to: channels, size)
        let waits = frames > 1 && !isStill
        // The inputs, side by side and in the order of their means, beside what the convolution made of them.
        let mean = input + 3 * frames * convolved + (frames > 1 ? 2 * frames : 1) * input
        add(
            [window(from, size)] + (waits ? [(convolved, 1), (input, 1)] : []),
            work: max(input + padding(from, size) + convolution.bytes + (frames - 1) * convolved, mean),
            largest: max(convolution.largest, frames * input), delay: 1)
        rate /= frames
        return (size.rows / scaling.size, size.columns / scaling.size)
    }

    /// What follows the last step: pixels of patches, as the frame that is given away.
    mutating func addPixels(_ channels: Int, after last: Int, _ size: Size) {
        let pixels = frame(channels, size)
        add([], work: frame(last, size) + 3 * pixels, largest: pixels, delay: 0)
    }
}

extension LTX2FrameMemory {
    /// Smaller tensors are given back at once.
    private static let smallest = Double(1 << 20)

    /// The bytes of channels in every position of a frame, of all videos.
    func frame(_ channels: Int, _ size: Size) -> Double {
        Double(channels) * Double(size.rows) * Double(size.columns) * Double(batch * dtype.size)
    }

    /// A frame as a convolution sees it.
    private func ready(_ channels: Int, _ size: Size) -> Double {
        isReflected ? frame(channels, (size.rows + 2, size.columns + 2)) : frame(channels, size)
    }

    /// What a frame that is made ready takes beside itself.
    private func padding(_ channels: Int, _ size: Size) -> Double { isReflected ? ready(channels, size) : 0 }

    /// What a convolution keeps: the two last frames, which at the beginning are one.
    private func window(_ channels: Int, _ size: Size) -> (bytes: Double, count: Double) {
        (ready(channels, size), isStill ? 1 : 2)
    }

    /// What a convolution holds: three frames side by side, the result, weights in another order; on CPUs every window written
    /// out where there are few numbers; and all of it in 32 bits too where products are.
    // Source of the limit: pytorch 2.11, aten/src/ATen/native/Convolution.cpp, `ConvParams::use_mkldnn`.
    private func convolution(from: Int, to: Int, _ size: Size) -> (bytes: Double, largest: Double) {
        let isConverted = device == .cpu && dtype.mayBeConvertedForProducts
        let factor = isConverted ? Double(DType.float32.size) / Double(dtype.size) : 1
        let (seen, result) = (3 * ready(from, size), frame(to, size))
        let weights = 27 * Double(from) * Double(to) * Double(dtype.size) * factor
        var parts = [seen, result, weights]
        if isConverted { parts += [seen * factor, weights, result * factor] }
        let rows = isReflected ? size.rows + 2 : size.rows
        if device == .cpu, batch == 1, isConverted || dtype == .float32, 3 * Double(from) * Double(rows) <= 20480 {
            parts += [seen * factor, 27 * frame(from, size) * factor]
            if !isConverted { parts.append(result) }
        }
        return (parts.reduce(0, +), parts.max() ?? 0)
    }

    private mutating func add(
        _ kept: [(bytes: Double, count: Double)], work: Double, largest: Double, delay: Double
    ) {
        let all = kept.reduce(0) { $0 + $1.bytes * $1.count }
        let little = kept.reduce(0) { $0 + ($1.bytes < Self.smallest ? $1.bytes * $1.count : 0) }
        self.largest = max(self.largest, largest)
        guard isStill else {
            steps.append((all, delay / rate))
            most = max(most, work)
            return
        }
        if isCausal {
            most = max(most, before + work)
            before += all
            small += little
        } else {
            // The steps before it have ended.
            most = max(most, all + work)
            small = max(small, little + (largest < Self.smallest ? work : 0))
        }
    }
}
