package import Layers

/// What ModelOpt makes of the linear layers of a checkpoint, by its formulas, and how its export lays that out.
package struct ModelOptExport {
    /// The largest input that the scales hold.
    private static let largestInput: Float = 16
    /// The magnitudes of E2M1, by their codes, and those of E4M3.
    private static let e2m1: [Float] = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
    private static let e4m3: [Float] = (0..<127).map { code in
        let fraction = Float(code % 8)
        let power = code < 8 ? 1 : code / 8
        return (code < 8 ? fraction : 8 + fraction) * Float(sign: .plus, exponent: power - 10, significand: 1)
    }

    /// The tensors of the exported file.
    package private(set) var tensors: [SafetensorsWriter.Tensor] = []
    /// The tensors of a file of 32-bit floats, with weights as the codes say them.
    package private(set) var widened: [SafetensorsWriter.Tensor] = []
    /// The linear layers that stay as they are.
    package private(set) var ignored: [String] = []
    /// `FP8` or `NVFP4`.
    private let algorithm: QuantAlgorithm

    /// - Parameters:
    ///   - tensors: of the checkpoint
    ///   - algorithm: `.fp8` or `.nvfp4`
    ///   - inputScale: what the inputs' scales are multiplied by
    ///   - quantises: whether a linear layer of a name is quantised, if its rows can be
    package init(
        _ tensors: [SafetensorsWriter.Tensor], _ algorithm: QuantAlgorithm, inputScale: Float = 1,
        quantises: (String) -> Bool
    ) {
        self.algorithm = algorithm
        var weights: [String: [Float]] = [:]
        for tensor in tensors {
            let floats = Self.floats(tensor)
            guard tensor.shape.count == 2, tensor.name.hasSuffix(".weight") else {
                self.tensors.append(tensor)
                widened.append(.init(name: tensor.name, shape: tensor.shape, floats: floats))
                continue
            }
            let layer = String(tensor.name.dropLast(".weight".count))
            if quantises(layer), algorithm == .fp8 || tensor.shape[1].isMultiple(of: 16) {
                weights[layer] = floats
            } else {
                ignored.append(layer)
                self.tensors.append(tensor)
                widened.append(.init(name: tensor.name, shape: tensor.shape, floats: floats))
            }
        }
        let largest = weights.mapValues { $0.map(abs).max() ?? 0 }
        for tensor in tensors {
            let layer = String(tensor.name.dropLast(".weight".count))
            guard let weight = weights[layer], tensor.name == "\(layer).weight" else { continue }
            let shared = Self.besides(layer).compactMap { largest[$0] }.max() ?? 0
            add(layer, tensor.shape, weight, largest: algorithm == .fp8 ? largest[layer] ?? 0 : shared, inputScale)
        }
    }

    /// `quantization_config` of `config.json`.
    package var config: [String: Any] {
        let bits: [String: Any] = ["dynamic": false, "num_bits": algorithm == .fp8 ? 8 : 4, "type": "float"]
        let half = algorithm == .fp8 ? bits : bits.merging(["group_size": 16]) { $1 }
        return [
            "config_groups": ["group_0": ["input_activations": half, "weights": half, "targets": ["Linear"]]],
            "ignore": ignored.sorted(), "quant_algo": algorithm.rawValue, "quant_method": "modelopt",
            "producer": ["name": "modelopt", "version": "0.47.0"],
        ]
    }

    /// Query, key and value of an attention, which have the same input, share their scale.
    private static func besides(_ layer: String) -> [String] {
        for names in [["to_q", "to_k", "to_v"], ["add_q_proj", "add_k_proj", "add_v_proj"]] {
            guard let own = names.first(where: { layer.hasSuffix(".\($0)") }) else { continue }
            // The input of a cross-attention's query is another one.
            let isCross = ["attn2.", "audio_to_video_attn.", "video_to_audio_attn."].contains { layer.contains($0) }
            if isCross, own == names[0] { return [layer] }
            return names.dropFirst(isCross ? 1 : 0).map { layer.dropLast(own.count) + $0 }
        }
        return [layer]
    }

    private mutating func add(
        _ layer: String, _ shape: [Int], _ weight: [Float], largest: Float, _ inputScale: Float
    ) {
        let name = "\(layer).weight"
        var values = weight
        switch algorithm {
        case .nvfp4:
            let scale = largest / (6 * 448)
            var (codes, scales) = ([UInt8](), [UInt8]())
            for start in stride(from: 0, to: weight.count, by: 16) {
                let most = weight[start..<start + 16].map(abs).max() ?? 0
                let ratio = most / (6 * scale)
                let code = Self.code(ratio == 0 ? 1 : min(max(ratio, 1 / 512), 448), among: Self.e4m3)
                let own = Self.e4m3[Int(code)] * scale
                scales.append(code)
                for index in start..<start + 16 {
                    let magnitude = Self.code(abs(weight[index]) / own, among: Self.e2m1)
                    codes.append(magnitude | (weight[index] < 0 ? 8 : 0))
                    values[index] = Self.e2m1[Int(magnitude)] * own * (weight[index] < 0 ? -1 : 1)
                }
            }
            let bytes = stride(from: 0, to: codes.count, by: 2).map { codes[$0] | codes[$0 + 1] << 4 }
            tensors += [
                .init(name: name, dtype: .uint8, shape: [shape[0], shape[1] / 2], bytes: bytes),
                .init(name: "\(name)_scale", dtype: .float8E4M3, shape: [shape[0], shape[1] / 16], bytes: scales),
                .init(name: "\(name)_scale_2", shape: [], floats: [scale]),
                .init(name: "\(layer).input_scale", shape: [], floats: [inputScale * Self.largestInput / (6 * 448)]),
            ]
        default:
            let scale = largest / 448
            let codes = weight.map { Self.code(abs($0) / scale, among: Self.e4m3) | ($0 < 0 ? 0x80 : 0) }
            values = codes.map { Self.e4m3[Int($0 & 0x7F)] * scale * ($0 & 0x80 == 0 ? 1 : -1) }
            tensors += [
                .init(name: name, dtype: .float8E4M3, shape: shape, bytes: codes),
                .init(name: "\(name)_scale", shape: [], floats: [scale]),
                .init(name: "\(layer).input_scale", shape: [], floats: [inputScale * Self.largestInput / 448]),
            ]
        }
        widened.append(.init(name: name, shape: shape, floats: values))
    }

    /// The code of the nearest magnitude; of two that are as near, the even one.
    private static func code(_ magnitude: Float, among magnitudes: [Float]) -> UInt8 {
        let above = magnitudes.firstIndex { $0 >= magnitude } ?? magnitudes.count - 1
        guard above > 0, magnitudes[above] > magnitude else { return UInt8(above) }
        let (low, high) = (magnitude - magnitudes[above - 1], magnitudes[above] - magnitude)
        if low == high { return UInt8(above - above % 2) }
        return UInt8(low < high ? above - 1 : above)
    }

    private static func floats(_ tensor: SafetensorsWriter.Tensor) -> [Float] {
        GoldenTensor(name: tensor.name, shape: tensor.shape, dtype: tensor.dtype, bytes: tensor.bytes).floats
    }
}
