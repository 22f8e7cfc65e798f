internal import Foundation
package import Layers

/// A LoRA file in one of the spellings that people have, and the weights that it must lead to.
package struct LoRAGolden: Sendable, CustomStringConvertible {
    /// The family and the spelling.
    package let description: String
    /// The tiny checkpoint that it is for.
    package let model: String
    /// What the user says of the file.
    package let plan: LoRAPlan
    /// By component and the weights' keys, for each row the sum of its numbers times those of ``vector(_:)``.
    package let expected: [String: [String: [Double]]]

    /// Every file.
    package static let all = (try? read()) ?? []

    /// The path of a file.
    ///
    /// - Parameter name: the family and the spelling
    /// - Returns: its path
    package static func path(of name: String) -> String { "\(Golden.folder)/loras/\(name).safetensors" }

    private struct Case: Decodable {
        let model: String
        let scale: Double?
        let targetComponents, stripPrefixes: [String]?
        let keyMap: [String: String]?

        private enum CodingKeys: String, CodingKey {
            case model, scale, targetComponents = "target_components", stripPrefixes = "strip_prefixes", keyMap =
                "key_map"
        }
    }

    private static func read() throws -> [LoRAGolden] {
        let file = try SafetensorsFile(path: path(of: "expected"))
        let golden = try Golden(path: path(of: "expected"))
        let cases = try JSONDecoder().decode([String: Case].self, from: Data((file.metadata["cases"] ?? "").utf8))
        var expected: [String: [String: [String: [Double]]]] = [:]
        for name in golden.names {
            let words = name.split(separator: "/").map(String.init)
            expected[words[0], default: [:]][words[1], default: [:]][words[2]] = try golden.tensor(name).doubles
        }
        return cases.sorted { $0.key < $1.key }.map { name, given in
            var plan = LoRAPlan(path(of: name))
            plan.scale = given.scale ?? 1
            (plan.components, plan.strippedPrefixes) = (given.targetComponents ?? [], given.stripPrefixes ?? [])
            plan.keyMap = given.keyMap ?? [:]
            return LoRAGolden(
                description: name, model: given.model, plan: plan, expected: expected[name] ?? [:])
        }
    }

    /// What each row of a weight is multiplied by.
    ///
    /// - Parameter width: numbers of a row
    /// - Returns: as many numbers
    package static func vector(_ width: Int) -> [Double] {
        (0..<width).map { index in
            let remainder = (37 * index + 11) % 101
            return Double(remainder) / 101 - 0.5
        }
    }

    /// The sums of a weight's rows.
    ///
    /// - Parameters:
    ///   - numbers: of the weight, row after row
    ///   - rows: how many there are
    /// - Returns: one for each
    package static func sums(of numbers: [Float], rows: Int) -> [Double] {
        let width = numbers.count / max(rows, 1)
        let vector = vector(width)
        return (0..<rows).map { row in
            var sum = 0.0
            for column in 0..<width { sum += Double(numbers[row * width + column]) * vector[column] }
            return sum
        }
    }
}
