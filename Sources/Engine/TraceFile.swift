package import Diffusion
internal import Layers

/// Writes a trace as safetensors.
package enum TraceFile {
    /// Writes every entry in 32-bit floats; the file appears whole or not at all.
    ///
    /// - Parameters:
    ///   - entries: the trace
    ///   - path: where it goes
    /// - Throws: ``SafetensorsError``
    package static func write(_ entries: [Trace.Entry], to path: String) throws {
        let tensors = entries.map { SafetensorsWriter.Tensor(name: $0.name, shape: $0.shape, floats: $0.values) }
        try SafetensorsWriter.write(tensors, to: path)
    }
}
