import Diffusion
import Files
import Foundation
import Layers
import Models
import Tensors
import TestKit
import Testing

/// The published checkpoints' keys, shapes and configs, without their numbers.
@DeviceActor @Suite struct LTX2PublishedTests {
    nonisolated static let models = ["ltx2", "ltx2.3"]
    nonisolated static let components = ["transformer", "connectors", "vae", "audio_vae", "vocoder"]

    /// A component of a place.
    private func component(_ name: String, at place: ComponentPlace, isLater: Bool) throws -> any InspectableComponent {
        switch name {
        case "text_encoder":
            return try Component<Gemma3TextConfig, _>(name, at: place, as: .textEncoder) { try LanguageModel($0, $1) }
        case "transformer": return try Component(name, at: place, as: .transformer, LTX2.Transformer.init)
        case "connectors": return try Component(name, at: place, as: .textEncoder, LTX2.Connectors.init)
        case "vae": return try Component(name, at: place, as: .vae, AutoencoderKLLTX2Video.init)
        case "audio_vae": return try Component(name, at: place, as: .vae, AutoencoderKLLTX2Audio.init)
        case "latent_upsampler": return try Component(name, at: place, as: .vae, LTX2LatentUpsampler.init)
        case "vocoder" where isLater: return try Component(name, at: place, as: .vae, LTX2VocoderWithBWE.init)
        default: return try Component(name, at: place, as: .vae, LTX2Vocoder.init)
        }
    }

    /// Keys, types and shapes of a list.
    private func published(_ file: String) throws -> [(key: String, dtype: String, shape: [Int])] {
        try String(contentsOfFile: "\(Golden.folder)/manifests/\(file)", encoding: .utf8).split(separator: "\n").map {
            let fields = $0.split(separator: " ").map(String.init)
            let shape = fields.count == 3 ? fields[2].split(separator: ",") : []
            return (fields[0], fields[1], try shape.map { try #require(Int($0)) })
        }
    }

    @Test(arguments: models, components + ["text_encoder", "latent_upsampler"])
    func asksForExactlyWhatIsPublished(_ model: String, _ name: String) throws {
        let folder = "\(Golden.folder)/manifests/\(model)/\(name)"
        let component = try component(name, at: .folder(folder), isLater: model == "ltx2.3")
        let published = Dictionary(
            try published("\(model)/\(name)/keys.txt").map { ($0.key, $0.shape) }, uniquingKeysWith: { $1 })
        let listing = try component.listing(of: nil)
        let asked = Dictionary(listing.entries.map { ($0.key, $0.shape) }) { $1 }
        #expect(asked.count == listing.entries.count, "a tensor is read twice")
        #expect(Set(asked.keys).subtracting(published.keys).sorted() == [])
        #expect(listing.surplus(of: published.keys.sorted()).unknown == [])
        for (key, shape) in asked { #expect(published[key] ?? shape == shape, "\(key)") }
        #expect(component.skippedKeys.isEmpty)
    }

    /// A file as large as the published one, of which only the header is there.
    private func file(_ model: String, in folder: TemporaryFolder) throws -> (
        file: SafetensorsFile, config: [String: Any]
    ) {
        let data = try Data(contentsOf: URL(fileURLWithPath: "\(Golden.folder)/manifests/\(model)/header.json"))
        var (fields, offset): ([String: Any], Int) = (
            ["__metadata__": ["config": String(decoding: data, as: UTF8.self)]], 0
        )
        for (key, type, shape) in try published("\(model)/keys.txt") {
            let dtype = try #require(SafetensorsDtype(rawValue: type))
            let size = try #require(dtype.byteCount(shape: shape))
            fields[key] = ["dtype": type, "shape": shape, "data_offsets": [offset, offset + size]] as [String: Any]
            offset += size
        }
        let header = try JSONSerialization.data(withJSONObject: fields)
        let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) }
        let path = try folder.write("", to: "\(model).safetensors")
        let handle = try #require(FileHandle(forWritingAtPath: path))
        try handle.write(contentsOf: length + header)
        try handle.truncate(atOffset: UInt64(length.count + header.count + offset))
        try handle.close()
        let config = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        return (try SafetensorsFile(path: path), config)
    }

    @Test(arguments: models) func readsThePublishedSingleFile(_ model: String) throws {
        let folder = try TemporaryFolder()
        let (file, config) = try file("\(model)-single-file", in: folder)
        let single = try LTX2.SingleFile.model(file, config: config, allowingUnknown: false)
        #expect(Set(single.parts.map(\.name)) == Set(Self.components + ["scheduler"]))
        for part in single.parts where part.name != "scheduler" {
            let isLater = model == "ltx2.3"
            let own = try component(part.name, at: .part(part), isLater: isLater)
            let other = "\(Golden.folder)/manifests/\(model)/\(part.name)"
            #expect(
                try own.listing(of: nil).entries.map(\.key)
                    == component(part.name, at: .folder(other), isLater: isLater).listing(of: nil).entries.map(\.key))
            #expect(try own.checkedSize(ComputePlan(dtype: .bfloat16)).bytes > 0)
            let names = part.names.keys.map(\.text).sorted()
            #expect(try names == published("\(model)/\(part.name)/keys.txt").map(\.key).sorted())
        }
    }
}
