internal import Layers

/// A part of a request during which the same weights are needed, and what is done in it.
package struct RunStage {
    package let memory: MemoryStage
    /// Whether it makes the output of the latents.
    private(set) var decodes = false
    /// Does the next piece; returns whether more is to come.
    fileprivate let work: (inout StageTimes) throws -> Bool

    /// A stage that is done at once.
    ///
    /// - Parameters:
    ///   - memory: its weights and activations
    ///   - body: what is done; it adds its time
    package init(_ memory: MemoryStage, _ body: @escaping (inout StageTimes) throws -> Void) {
        self.memory = memory
        work = { times in
            try body(&times)
            return false
        }
    }

    /// A stage that makes the output of the latents, on the ranks that have a part in it.
    ///
    /// - Parameters:
    ///   - memory: its weights and activations
    ///   - body: what is done; it adds its time
    /// - Returns: the stage
    package static func decoding(_ memory: MemoryStage, _ body: @escaping (inout StageTimes) throws -> Void)
        -> RunStage
    {
        var stage = RunStage(memory, body)
        stage.decodes = true
        return stage
    }

    /// A stage that is done step by step.
    ///
    /// - Parameters:
    ///   - memory: its weights and activations
    ///   - step: takes one step and adds its time; returns whether more are to come
    /// - Returns: the stage
    package static func stepwise(
        _ memory: MemoryStage, _ step: @escaping (inout StageTimes) throws -> Bool
    ) -> RunStage {
        RunStage(memory: memory, work: step)
    }

    private init(memory: MemoryStage, work: @escaping (inout StageTimes) throws -> Bool) {
        (self.memory, self.work) = (memory, work)
    }
}

/// One request on its way: opened, advanced piece by piece, finished.
package final class PipelineRun {
    private let context: ComputeContext
    private let residency: Residency
    private let forecast: MemoryForecast
    private let observe: ProgressObserver
    private var stages: ArraySlice<RunStage>
    /// How long what is done took.
    package private(set) var times = StageTimes()

    init(
        _ stages: [RunStage], _ context: ComputeContext, _ residency: Residency, _ forecast: MemoryForecast,
        observe: @escaping ProgressObserver
    ) {
        (self.stages, self.context, self.residency) = (stages[...], context, residency)
        (self.forecast, self.observe) = (forecast, observe)
    }

    /// Whether everything is done and delivered.
    package var isOver: Bool { stages.isEmpty }

    /// Does the next piece: one denoising step, or a whole stage that has no steps.
    ///
    /// - Throws: `CancellationError` before it, an error of the weights' files, or of the stage
    package func advance() throws {
        guard let stage = stages.first else { return }
        try during(stage) { if try !stage.work(&$0) { stages.removeFirst() } }
    }

    /// Does all that is left; a cancelled task ends between two pieces.
    ///
    /// - Throws: as ``advance()``
    package func finish() throws {
        while let stage = stages.first {
            try during(stage) { times in while try stage.work(&times) { try context.checkCancellationAlone() } }
            stages.removeFirst()
        }
    }

    private func during(_ stage: RunStage, _ body: (inout StageTimes) throws -> Void) throws {
        let worksAlone = context.worksAlone
        if stage.decodes, context.decodesAlone { context.worksAlone = true }
        context.decodesTogether = stage.decodes && !context.worksAlone
        defer { (context.worksAlone, context.decodesTogether) = (worksAlone, false) }
        try context.checkCancellation()
        defer { times.kernels.add(context.takeKernelCounts()) }
        try residency.during(stage.memory, of: forecast, times: &times, observe: observe, body)
    }
}
