import Diffusion
import Foundation
import Server
import TestKit
import Testing

/// What `/v1/capabilities` tells clients that let people choose.
@Suite struct CapabilityTests {
    private func fields(_ answer: [String: Any], _ key: String = "fields") throws -> [String: [String: Any]] {
        let list = try #require(answer[key] as? [[String: Any]])
        return try Dictionary(uniqueKeysWithValues: list.map { (try #require($0["name"] as? String), $0) })
    }

    @Test func namesTheFieldsOfAModelOfImages() async throws {
        let server = try await TestServer()
        try await server.run { client in
            let answer = try await client.get("/v1/capabilities").json
            let fields = try fields(answer)
            #expect(Set(fields.keys) == ["negative_prompt", "num_inference_steps", "n"])
            #expect(fields["n"]?["maximum"] as? Int == 10 && fields["n"]?["type"] as? String == "integer")
            #expect(fields["num_inference_steps"]?["default"] as? Int == 4)
            #expect(fields["num_inference_steps"]?["maximum"] as? Int == 1000)
            #expect(answer["images"] as? [String: String] == ["first": "refused", "last": "refused"])
            #expect(answer["takes_images"] as? Bool == false)
        }
    }

    @Test func namesTheFieldsOfAModelOfVideos() async throws {
        let server = try await TestServer({ ($0.makesVideos, $0.takesImages) = (true, true) })
        try await server.run { client in
            let answer = try await client.get("/v1/capabilities").json
            let fields = try fields(answer)
            #expect(fields["n"] == nil && fields["num_frames"]?["default"] as? Int == 5)
            #expect(fields["fps"]?["default"] as? Int == 8 && fields["fps"]?["maximum"] as? Int == 120)
            #expect(answer["images"] as? [String: String] == ["first": "optional", "last": "optional"])
            #expect(answer["takes_images"] as? Bool == true)
        }
    }

    @Test func leavesOutWhatHasNoEffectAndTellsWhatTheRestNeeds() async throws {
        let effects: [String: FieldEffect] = [
            "negative_prompt": .whileAbove(1, of: "scale"), "num_inference_steps": .never, "b": .never,
        ]
        let server = try await TestServer(
            limitedEffects: effects,
            {
                $0.parameters = [
                    ParameterSpec("scale", .number(0...5), default: .number(1), "how much"),
                    ParameterSpec("levels", .numbers(0...1), "which"), ParameterSpec("a", .flag, "whether"),
                    ParameterSpec("b", .texts, "what"),
                ]
                $0.refusedParameters = ["a"]
            })
        try await server.run { client in
            let answer = try await client.get("/v1/capabilities").json
            let (common, extra) = (try fields(answer), try fields(answer, "extra_params"))
            #expect(common["num_inference_steps"] == nil)
            let needs = try #require(common["negative_prompt"]?["needs"] as? [String: Any])
            #expect(needs["field"] as? String == "scale" && needs["above"] as? Int == 1)
            #expect(Set(extra.keys) == ["scale", "levels"])
            #expect(extra["scale"]?["type"] as? String == "number" && extra["scale"]?["maximum"] as? Int == 5)
            #expect(extra["scale"]?["default"] as? Int == 1 && extra["scale"]?["description"] as? String == "how much")
            #expect(extra["levels"]?["type"] as? String == "numbers" && extra["levels"]?["default"] == nil)
        }
    }
}

/// What the server tells of the weights' types.
@Suite struct QuantisedCapabilityTests {
    @Test func namesTheAlgorithmsOfQuantisedLayers() async throws {
        let folder = try TemporaryFolder()
        let copy = try TinyCheckpoint(quantised: "flux2-mixed")
        let server = try await ServedProcess(
            copy.path, data: folder.file("data"), log: folder.file("log"), "--config", try config(folder))
        let answer = try #require(await server.ask("/v1/capabilities"))
        let values = try JSONSerialization.jsonObject(with: answer.body) as? [String: Any]
        #expect(values?["quant_algorithms"] as? [String] == ["FP8", "NVFP4"])
    }

    /// By the names of their files alone: where they lie is not for clients.
    @Test func namesTheLoRAsThatAreMerged() async throws {
        let folder = try TemporaryFolder()
        let (peft, kohya) = (LoRAGolden.path(of: "flux1-peft"), LoRAGolden.path(of: "flux1-kohya"))
        let server = try await ServedProcess(
            TinyCheckpoint.path(), data: folder.file("data"), log: folder.file("log"), "--config", try config(folder),
            "--lora", "\(peft):0.5", "--lora", kohya)
        let answer = await server.object("/v1/capabilities")
        let loras = try #require(answer["loras"] as? [[String: Any]])
        #expect(loras.map { $0["file"] as? String } == ["flux1-peft.safetensors", "flux1-kohya.safetensors"])
        #expect(loras.map { $0["scale"] as? Double } == [0.5, 1])
        #expect(loras.allSatisfy { $0.count == 2 })
    }

    /// None before one has run, which a warm-up does.
    @Test(arguments: [false, true]) func namesTheAttentionKernelsThatRan(_ warmsUp: Bool) async throws {
        let folder = try TemporaryFolder()
        let attention = "{backend: CUTEDSL, quant_attention_config: {}, exact_steps: {first: 1}}"
        let settings = "attention_config: \(attention)\ncompilation_config: {skip_warmup: \(!warmsUp)}"
        try folder.write(settings, to: "config.yaml")
        let server = try await ServedProcess(
            TinyCheckpoint.path(), data: folder.file("data"), log: folder.file("log"), "--config",
            folder.file("config.yaml"))
        func kernels() async throws -> [String] {
            let answer = try #require(await server.ask("/v1/capabilities"))
            let values = try JSONSerialization.jsonObject(with: answer.body) as? [String: Any]
            let attention = try #require(values?["attention"] as? [String: Any])
            #expect(attention["backend"] as? String == "CUTEDSL")
            #expect(attention["quant_attention_config"] as? String == "bf16/fp8 (0,0,0)")
            return try #require(attention["kernels"] as? [String])
        }
        #expect(try await kernels() == (warmsUp ? ["qk16pv8", "tiled"] : []))
        let body = #"{"prompt": "a lake", "size": "32x32", "num_inference_steps": 1}"#
        #expect(await server.ask("/v1/images/generations", post: body)?.status == 200)
        #expect(try await kernels() == (warmsUp ? ["qk16pv8", "tiled"] : ["tiled"]))
    }

    private func config(_ folder: TemporaryFolder) throws -> String {
        try folder.write("compilation_config: {skip_warmup: true}", to: "config.yaml")
        return folder.file("config.yaml")
    }
}
