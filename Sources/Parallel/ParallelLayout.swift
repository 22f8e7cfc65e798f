/// How the devices of one request share its work, as a value that crosses processes.
///
/// The fields are those of TensorRT-LLM's `parallel_config`. Every size is at least 1.
package struct ParallelLayout: Sendable, Equatable, Codable {
    /// How the sequence of an attention is shared beyond its heads.
    package enum Context: Sendable, Equatable, Codable {
        /// Keys and values go round from device to device.
        case ring(Int)
        /// Queries are gathered along the rows, keys and values along the columns.
        case mesh(rows: Int, columns: Int)
    }

    /// Devices with a branch of guidance each.
    package var guidance = 1
    /// Devices that share the weights of linear layers.
    package var tensor = 1
    /// Devices that share the tokens beyond heads.
    package var context = Context.ring(1)
    /// Devices that share the tokens, and in an attention its heads.
    package var ulysses = 1
    /// Whether queries, keys and values are exchanged while the others are computed.
    package var overlapsExchange = false
    /// Devices that share the decoding of pixels.
    package var decoding = 1
    /// Along which side they share the picture.
    package var decodingSide = PictureSide.width

    package init() {}

    /// Devices that share the tokens beyond heads.
    package var contextSize: Int {
        switch context {
        case .ring(let size): size
        case .mesh(let rows, let columns): rows * columns
        }
    }

    /// Devices that share the tokens.
    package var sequence: Int { contextSize * ulysses }

    /// All devices.
    package var count: Int { guidance * tensor * sequence }
}

/// A side of a picture.
package enum PictureSide: String, Sendable, Codable {
    case height, width
}
