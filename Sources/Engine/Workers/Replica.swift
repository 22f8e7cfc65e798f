internal import Diffusion
internal import Layers
package import Tensors

/// One of several workers that have the same model and share a machine.
package struct Replica: Sendable {
    /// Its number, from 0.
    package let index: Int
    /// How many there are.
    package let count: Int
    /// How many GPUs each has, or on the CPU processes.
    package let devicesPerReplica: Int

    /// - Parameters:
    ///   - index: its number, from 0
    ///   - count: how many there are
    ///   - devicesPerReplica: how many GPUs each has
    package init(_ index: Int, of count: Int, devicesPerReplica: Int = 1) {
        (self.index, self.count, self.devicesPerReplica) = (index, count, devicesPerReplica)
    }

    /// Its GPUs: those after the GPUs of the replicas before it.
    package var devices: [Device] {
        (0..<devicesPerReplica).map { .cuda(index * devicesPerReplica + $0) }
    }

    /// What this replica is told, of what a worker by itself would be: its own GPU, or its part of the processors and of
    /// the memory where nobody says how much each has.
    ///
    /// - Parameters:
    ///   - configuration: of a worker by itself
    ///   - threads: how many a worker by itself would compute with
    ///   - memory: how many bytes it might hold
    /// - Returns: the configuration, unchanged for the only one
    package func configuration(
        _ configuration: WorkerConfiguration, threads: Int = ThreadSettings.usualThreads,
        memory: Int = HostResources.current.memory
    ) -> WorkerConfiguration {
        if count == 1 { return configuration }
        var configuration = configuration
        if configuration.options.plan.device == .cpu {
            let processes = count * devicesPerReplica
            configuration.threads = configuration.threads ?? max(1, threads / processes)
            configuration.options.memoryLimit = configuration.options.memoryLimit ?? memory / processes
        } else if let first = devices.first {
            configuration.options.plan.device = first
        }
        return configuration
    }
}
