package import Diffusion
internal import Layers

/// Writes a trace as safetensors.
package enum TraceFile {
    /// Writes every entry, numbers in 32-bit floats and pixels in bytes; the file appears whole or not at all.
    ///
    /// - Parameters:
    ///   - entries: the trace
    ///   - path: where it goes
    /// - Throws: ``SafetensorsError``
    package static func write(_ entries: [Trace.Entry], to path: String) throws {
        let tensors = entries.map { entry -> SafetensorsWriter.Tensor in
            switch entry.numbers {
            case .floats(let floats): .init(name: entry.name, shape: entry.shape, floats: floats)
            case .bytes(let bytes): .init(name: entry.name, dtype: .uint8, shape: entry.shape, bytes: bytes)
            }
        }
        try SafetensorsWriter.write(tensors, to: path)
    }
}
