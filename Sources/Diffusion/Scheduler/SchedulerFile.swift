extension CheckpointFolder {
    /// Reads a scheduler of any class that this build has.
    ///
    /// As in diffusers, the class is the one that `model_index.json` names.
    ///
    /// - Parameter component: its name in `model_index.json`
    /// - Returns: the scheduler
    /// - Throws: ``CheckpointError`` or ``ConfigError``
    package func scheduler(_ component: String = "scheduler") throws -> any Scheduler {
        let (euler, uniPC) = ("FlowMatchEulerDiscreteScheduler", "UniPCMultistepScheduler")
        let file = "scheduler_config.json"
        if components[component] == uniPC {
            return UniPCMultistep(try config(component, file: file, classes: [uniPC]))
        }
        return FlowMatchEuler(try config(component, file: file, classes: [euler, uniPC]))
    }
}
