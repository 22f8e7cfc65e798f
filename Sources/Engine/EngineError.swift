package import Tensors

/// Why the engine cannot serve.
package enum EngineError: Error, Equatable {
    case noModel
    case deviceMissing(Device)
}

extension EngineError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noModel: "no model is loaded"
        case .deviceMissing(let device): "this build cannot run on \(device); it runs on cpu"
        }
    }
}
