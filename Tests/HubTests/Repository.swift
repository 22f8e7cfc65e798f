internal import Crypto
internal import Foundation

/// Contents of repositories.
enum Repository {
    /// A pipeline of a sharded transformer and a VAE in one file, with what a repository holds beside.
    static let tiny: [String: [UInt8]] = [
        "README.md": bytes(100, seed: 1),
        "tiny.safetensors": bytes(900, seed: 2),
        "model_index.json": text(
            """
            {"_class_name": "TinyPipeline", "is_distilled": false, "safety_checker": [null, null],
             "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
             "tokenizer": ["transformers", "CLIPTokenizer"],
             "transformer": ["diffusers", "TinyTransformer2DModel"], "vae": ["diffusers", "AutoencoderKL"]}
            """),
        "scheduler/scheduler_config.json": text(#"{"shift": 3.0}"#),
        "tokenizer/tokenizer_config.json": text(#"{"model_max_length": 77}"#),
        "tokenizer/vocab.json": text(#"{"a": 0}"#),
        "tokenizer/merges.txt": text(""),
        "transformer/config.json": text(#"{"dim": 8}"#),
        "transformer/diffusion_pytorch_model.safetensors.index.json": text(
            """
            {"metadata": {"total_size": 2}, "weight_map": {
             "a": "diffusion_pytorch_model-00001-of-00002.safetensors",
             "b": "diffusion_pytorch_model-00002-of-00002.safetensors"}}
            """),
        shard: bytes(300_000, seed: 3),
        "transformer/diffusion_pytorch_model-00002-of-00002.safetensors": bytes(200_000, seed: 4),
        "vae/config.json": text(#"{"latent_channels": 16}"#),
        vae: bytes(50_000, seed: 5),
        "vae/diffusion_pytorch_model.bin": bytes(100, seed: 6),
    ]

    /// A large file of `tiny`.
    static let shard = "transformer/diffusion_pytorch_model-00001-of-00002.safetensors"
    /// Another.
    static let vae = "vae/diffusion_pytorch_model.safetensors"

    /// The files of `tiny` that a pipeline needs.
    static var needed: [String] {
        tiny.keys.filter { !["README.md", "tiny.safetensors", "vae/diffusion_pytorch_model.bin"].contains($0) }.sorted()
    }

    static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// Bytes without order, the same for the same seed.
    static func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
        var state = seed &* 0x9E37_79B9_7F4A_7C15
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
    }

    /// The hub's answer for a revision. Safetensors are in large file storage.
    static func listing(_ files: [String: [UInt8]], commit: String) -> String {
        let entries = files.sorted { $0.key < $1.key }.map { entry($0.key, $0.value) }
        return #"{"id": "org/tiny", "sha": "\#(commit)", "siblings": [\#(entries.joined(separator: ","))]}"#
    }

    static func entry(_ name: String, _ body: [UInt8]) -> String {
        let blob = hexadecimal(Insecure.SHA1.hash(data: Array("blob \(body.count)\0".utf8) + body))
        let start = #"{"rfilename": "\#(name)", "size": \#(body.count), "blobId": "\#(blob)""#
        guard name.hasSuffix(".safetensors") else { return start + "}" }
        return start + #", "lfs": {"sha256": "\#(sha256(body))", "size": \#(body.count), "pointerSize": 134}}"#
    }

    static func sha256(_ body: [UInt8]) -> String { hexadecimal(SHA256.hash(data: body)) }

    private static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { String(format: "%02x", $0) }.joined()
    }
}
