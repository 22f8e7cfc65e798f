package import Layers

/// What the stages of a request are given besides it.
package struct RunEnvironment {
    /// What the model computes with; it is told of each step.
    package let context: ComputeContext
    /// How the model is opened.
    package let options: PipelineOptions
    /// One for each transformer, or none.
    package let stepCaches: [StepCacheSettings]
    /// Told of every stage and step.
    package let observe: ProgressObserver
    /// Where intermediate results are recorded, or nil.
    package let trace: Trace?
    /// Given the output as it comes.
    package let deliver: OutputReceiver

    package init(
        _ context: ComputeContext, _ options: PipelineOptions = PipelineOptions(), stepCaches: [StepCacheSettings] = [],
        observe: @escaping ProgressObserver = { _ in }, trace: Trace? = nil,
        deliver: @escaping OutputReceiver = { _ in }
    ) {
        (self.context, self.options, self.stepCaches) = (context, options, stepCaches)
        (self.observe, self.trace, self.deliver) = (observe, trace, deliver)
    }
}
