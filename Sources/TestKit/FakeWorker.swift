package import Diffusion
package import Engine
internal import Foundation
internal import Synchronization

/// A worker that computes nothing: it goes through the stages of a request and gives images of one colour, which the
/// seed decides.
package final class FakeWorker: Worker {
    /// What a test wants of it.
    package struct Behaviour: Sendable {
        /// How long each step takes.
        package var step = Duration.milliseconds(5)
        /// Whether it stays before the first step of what it is given, until a test lets it go on.
        package var isHeld = false
        /// Whether it makes videos.
        package var makesVideos = false
        /// Requests with this prompt fail with this error.
        package var failures: [String: EngineError] = [:]
        package var isReady = true
        /// How often it dies over a request with this prompt, when a part of the output is out.
        package var deaths: [String: Int] = [:]
        /// Whether it dies of what is called off.
        package var diesOfCancellation = false
        /// Whether it is not started until a test lets it.
        package var isDown = false
        /// Why it cannot be started.
        package var startFault: Failure?
        /// The bytes that it says its device has.
        package var deviceMemory: Int?
        /// What it says that a step cache left out.
        package var cache: CacheReport?
        /// Whether it takes images to begin with.
        package var takesImages = false
        /// The parameters that its family has.
        package var parameters: [ParameterSpec] = []
        /// Those of them that this model has no use for.
        package var refusedParameters: [String] = []

        package init() {}
    }

    private struct State {
        var behaviour: Behaviour
        var requests: [GenerationRequest] = []
        var steps = 0
        var running = 0
        var isDead = false
        var starts = 0
        var isClosed = false
    }

    /// What it dies of.
    package static let death = EngineError.workerDied(worker: 0, process: 7, ending: "was ended by signal 9")

    private let state: Mutex<State>

    /// - Parameter behaviour: what a test wants of it
    package init(_ behaviour: Behaviour = Behaviour()) { state = Mutex(State(behaviour: behaviour)) }

    /// What it was asked for, in order.
    package var requests: [GenerationRequest] { state.withLock { $0.requests } }
    /// The steps that it has done.
    package var steps: Int { state.withLock { $0.steps } }
    /// Whether it does anything.
    package var isBusy: Bool { state.withLock { $0.running > 0 } }
    /// Whether it was closed.
    package var isClosed: Bool { state.withLock { $0.isClosed } }
    package var restarts: Int { state.withLock { max(0, $0.starts - 1) } }

    /// Changes what a test wants of it.
    package func change(_ body: (inout Behaviour) -> Void) { state.withLock { body(&$0.behaviour) } }

    package func start(observe: @escaping ProgressObserver) async throws -> ModelOffer {
        while state.withLock({ $0.behaviour.isDown }) { try await Task.sleep(for: .milliseconds(2)) }
        let behaviour = try state.withLock { state in
            if let fault = state.behaviour.startFault { throw fault }
            if state.isDead || state.starts == 0 { state.starts += 1 }
            state.isDead = false
            return state.behaviour
        }
        var offer = ModelOffer(
            family: "Fake", defaults: Self.defaults(behaviour.makesVideos), parameters: behaviour.parameters)
        offer.deviceMemory = behaviour.deviceMemory
        return offer
    }

    package func generate(
        _ request: GenerationRequest, observe: @escaping ProgressObserver, deliver: @escaping OutputReceiver
    ) async throws -> StageTimes {
        let behaviour = state.withLock { state in
            state.requests.append(request)
            state.running += 1
            return state.behaviour
        }
        defer { state.withLock { $0.running -= 1 } }
        do {
            while state.withLock({ $0.behaviour.isHeld }) { try await Task.sleep(for: .milliseconds(2)) }
        } catch {
            if behaviour.diesOfCancellation { throw die() }
            throw error
        }
        observe(.encodingText)
        var times = StageTimes()
        times.cache = behaviour.cache
        let count = request.numInferenceSteps ?? 1
        for step in 0..<count {
            observe(.denoising(step: step, of: count))
            try await Task.sleep(for: behaviour.step)
            state.withLock { $0.steps += 1 }
            times.denoise.append(behaviour.step.seconds)
            if step < request.previews { observe(.preview(Self.pixels(request))) }
        }
        observe(.denoising(step: count, of: count))
        for prompt in request.prompts {
            if let failure = behaviour.failures[prompt] { throw failure }
        }
        observe(.decoding)
        let isFatal = request.prompts.contains { takeDeath(of: $0) }
        try Self.deliver(Self.pixels(request), frames: isFatal ? 1 : .max, to: deliver)
        if isFatal { throw die() }
        return times
    }

    package func isReady() -> Bool { state.withLock { $0.behaviour.isReady && !$0.isDead } }

    package func close() { state.withLock { $0.isClosed = true } }

    private func takeDeath(of prompt: String) -> Bool {
        state.withLock { state in
            guard let count = state.behaviour.deaths[prompt], count > 0 else { return false }
            state.behaviour.deaths[prompt] = count - 1
            return true
        }
    }

    private func die() -> EngineError {
        state.withLock { $0.isDead = true }
        return Self.death
    }

    /// The model's own choices.
    package static func defaults(_ makesVideos: Bool) -> GenerationRequest {
        var defaults = GenerationRequest(prompts: [])
        (defaults.height, defaults.width, defaults.numInferenceSteps) = (64, 64, 4)
        if makesVideos { (defaults.numFrames, defaults.frameRate) = (5, 8) }
        return defaults
    }

    /// Fills in the model's own choices and checks what a model checks.
    package static func resolve(
        _ request: GenerationRequest, _ makesVideos: Bool, takesImages: Bool = false,
        parameters: [ParameterSpec] = []
    ) throws -> GenerationRequest {
        let resolved = request.filled(from: defaults(makesVideos))
        var checks = RequestChecks(resolved, model: "Fake")
        checks.batch()
        checks.size(atLeast: 16)
        checks.steps()
        checks.finiteGuidance()
        checks.parameters(parameters)
        if !makesVideos { checks.noFrames() }
        if !takesImages { checks.images(first: .refused, last: .refused) }
        try checks.finish()
        return resolved
    }

    /// A negative prompt changes nothing where a guidance of 1 or less is asked for.
    ///
    /// - Parameters:
    ///   - request: what the client asks for
    ///   - resolved: what became of it
    /// - Returns: the notes
    package static func notes(_ request: GenerationRequest, _ resolved: GenerationRequest) -> [RequestNote] {
        guard let scale = request.guidanceScale, scale <= 1, !request.negativePrompts.isEmpty else { return [] }
        return [.withoutGuidance("negative_prompt", "guidance_scale", scale)]
    }

    /// Images at once, a video frame by frame.
    private static func deliver(_ pixels: PixelBatch, frames limit: Int, to deliver: OutputReceiver) throws {
        let shape = pixels.shape
        for frame in 0..<min(limit, shape.frames ?? 1) {
            let bytes = (0..<shape.count).flatMap { item in
                let start = item * shape.itemBytes + frame * shape.frameBytes
                return pixels.bytes[start..<start + shape.frameBytes]
            }
            try deliver(.pixels(PixelPart(shape, frames: frame, bytes: bytes)))
        }
    }

    /// Each output's colour is its seed's; a video grows brighter.
    private static func pixels(_ request: GenerationRequest) -> PixelBatch {
        let (height, width) = (request.height ?? 16, request.width ?? 16)
        let shape = PixelShape(count: request.outputCount, frames: request.numFrames, height: height, width: width)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(shape.byteCount)
        for item in 0..<shape.count {
            let seed = request.seeds[request.seeds.count * item / shape.count]
            // As with noise, what a seed gives depends on how many of its images came before.
            let place = item % (shape.count / request.seeds.count)
            for frame in 0..<(shape.frames ?? 1) {
                let level = UInt8(truncatingIfNeeded: seed &* 37 &+ UInt64(place * 11 + frame * 8))
                bytes += [UInt8](repeating: level, count: shape.frameBytes)
            }
        }
        return PixelBatch(shape, bytes: bytes)
    }
}
