internal import Layers

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
        let path = try folder(component, classes: [euler, uniPC]) + "/scheduler_config.json"
        if components[component] == uniPC {
            return UniPCMultistep(try UniPCConfig.read(path, allowingUnknown: allowsUnknown).0)
        }
        return FlowMatchEuler(try FlowMatchEulerConfig.read(path, allowingUnknown: allowsUnknown).0)
    }
}
