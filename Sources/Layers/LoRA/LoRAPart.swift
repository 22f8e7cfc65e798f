/// What a tensor of a LoRA file is, as the end of its key says.
enum LoRAPart: Hashable {
    /// A, `[rank, inputs]`.
    case down
    /// B, `[outputs, rank]`.
    case up
    /// What is added behind A or B.
    case downBias, upBias
    /// What the product is scaled by, times the rank.
    case alpha
    /// DoRA's lengths of the rows, `[outputs]`.
    case magnitude
    /// A change of a weight, of a bias or of a modulation's table, in full size.
    case difference, biasDifference, tableDifference
    /// What takes the place of a norm's weight.
    case replacement
    /// LoKr's factors: whole, or the halves that they are products of.
    case kronecker(Factor)
    /// LoHa's factors, which are products.
    case hadamard(Factor)
    case unsupported

    enum Factor: Hashable { case one, oneA, oneB, two, twoA, twoB }

    /// The ends of keys, those that end alike the longer first.
    private static let endings: [(ending: String, part: LoRAPart)] = [
        ("lora_A.weight", .down), ("lora_B.weight", .up), ("lora_down.weight", .down), ("lora_up.weight", .up),
        ("lora.down.weight", .down), ("lora.up.weight", .up),
        ("lora_linear_layer.down.weight", .down), ("lora_linear_layer.up.weight", .up),
        ("down.weight", .down), ("up.weight", .up),
        ("lora_A.bias", .downBias), ("lora_B.bias", .upBias), ("lora_down.bias", .downBias), ("lora_up.bias", .upBias),
        ("alpha", .alpha), ("lora_magnitude_vector.weight", .magnitude), ("lora_magnitude_vector", .magnitude),
        ("dora_scale", .magnitude), ("diff", .difference), ("diff_b", .biasDifference), ("diff_m", .tableDifference),
        ("scale", .replacement),
        ("lokr_w1", .kronecker(.one)), ("lokr_w1_a", .kronecker(.oneA)), ("lokr_w1_b", .kronecker(.oneB)),
        ("lokr_w2", .kronecker(.two)), ("lokr_w2_a", .kronecker(.twoA)), ("lokr_w2_b", .kronecker(.twoB)),
        ("hada_w1_a", .hadamard(.oneA)), ("hada_w1_b", .hadamard(.oneB)),
        ("hada_w2_a", .hadamard(.twoA)), ("hada_w2_b", .hadamard(.twoB)),
        ("lora_mid.weight", .unsupported), ("lokr_t2", .unsupported), ("hada_t1", .unsupported),
        ("hada_t2", .unsupported), ("oft_blocks", .unsupported), ("oft_diag", .unsupported),
        ("oft_R.weight", .unsupported),
        ("boft_R", .unsupported), ("boft_s", .unsupported), ("ia3_l", .unsupported),
    ]

    /// Tells a key's module and what of it the tensor is.
    ///
    /// - Parameter key: of a tensor
    /// - Returns: nil for a key that ends in none of the known ways
    static func split(_ key: String) -> (module: String, part: LoRAPart)? {
        let plain = withoutAdapterName(key)
        for (ending, part) in endings {
            if let module = plain.without(ending: ".\(ending)"), !module.isEmpty { return (module, part) }
        }
        return nil
    }

    /// PEFT may put an adapter's name before the end: `lora_A.default.weight`.
    private static func withoutAdapterName(_ key: String) -> String {
        var words = key.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
            .map { String(Substring($0)) }
        let last = words.count - 1
        guard last >= 3, ["lora_A", "lora_B", "lora_magnitude_vector"].contains(words[last - 2]) else { return key }
        words.remove(at: last - 1)
        return words.joined(separator: ".")
    }
}

extension String {
    /// What stands before an ending, told by bytes; nil if the text ends otherwise.
    func without(ending: String) -> String? {
        guard utf8.count >= ending.utf8.count, utf8.suffix(ending.utf8.count).elementsEqual(ending.utf8) else {
            return nil
        }
        return String(Substring(utf8.dropLast(ending.utf8.count)))
    }

    /// What stands behind a beginning, told by bytes; nil if the text begins otherwise.
    func without(beginning: String) -> String? {
        guard utf8.starts(with: beginning.utf8) else { return nil }
        return String(Substring(utf8.dropFirst(beginning.utf8.count)))
    }

    /// The words between dots.
    var dotted: [Substring] { split(separator: ".", omittingEmptySubsequences: false) }
}
