import Foundation
import Layers
import Tensors
import TestKit

/// How older checkpoints of Cosmos3 spell the sound tokenizer's tensors.
enum Cosmos3OldNames {
    private struct File: Decodable { let names: [String: String] }

    /// By the names that there are now.
    static func all() throws -> [String: String] {
        let path = "\(Golden.folder)/cosmos3/sound-tokenizer-names.json"
        return try JSONDecoder().decode(File.self, from: Data(contentsOf: URL(fileURLWithPath: path))).names
    }

    /// The tensors of a sound tokenizer as an older checkpoint has them.
    ///
    /// - Parameters:
    ///   - tensors: as they are named now
    ///   - names: the older ones
    ///   - isFolded: whether directions and lengths of weights are multiplied
    static func renamed(_ tensors: [SafetensorsWriter.Tensor], _ names: [String: String], isFolded: Bool) throws
        -> [SafetensorsWriter.Tensor]
    {
        var result: [SafetensorsWriter.Tensor] = []
        for tensor in tensors {
            guard let name = names[tensor.name] else { continue }
            let isOfChannels = name.hasSuffix("alpha") || name.hasSuffix("beta")
            let plain = isOfChannels ? tensor.reshaped([tensor.shape.reduce(1, *)]) : tensor
            guard isFolded, name.hasSuffix("weight_g") || name.hasSuffix("weight_v") else {
                result.append(plain.renamed(name))
                continue
            }
            guard name.hasSuffix("weight_v"), name.hasPrefix("decoder") else { continue }
            let length = tensors.first { $0.name == tensor.name.dropLast() + "g" }
            let (directions, lengths) = (numbers(tensor), length.map(numbers) ?? [])
            let size = directions.count / lengths.count
            let folded = directions.indices.map { index in
                let row = directions[index / size * size..<(index / size + 1) * size]
                return directions[index] * lengths[index / size] / row.map { $0 * $0 }.reduce(0, +).squareRoot()
            }
            result.append(
                SafetensorsWriter.Tensor(name: String(name.dropLast(2)), shape: tensor.shape, floats: folded))
        }
        return result
    }

    private static func numbers(_ tensor: SafetensorsWriter.Tensor) -> [Float] {
        GoldenTensor(name: tensor.name, shape: tensor.shape, dtype: tensor.dtype, bytes: tensor.bytes).floats
    }
}
