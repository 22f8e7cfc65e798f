import Foundation
import Media
import TestKit
import Testing
import VisualGen

@Suite(.serialized) struct VideoTests {
    private static func engine(
        _ model: String = "wan2.2-tiny-i2v-a14b", _ mode: VisualGenArgs.WorkerMode = .inProcess
    ) async throws -> VisualGen {
        var args = VisualGenArgs()
        (args.model, args.threads, args.workerMode) = (TinyCheckpoint.path(of: model), 1, mode)
        (args.dtype, args.compilationConfig.skipWarmup) = (.float32, true)
        return try await VisualGen(args: args)
    }

    private static func params() throws -> VisualGenParams {
        var params = VisualGenParams()
        (params.height, params.width, params.numFrames, params.numInferenceSteps) = (16, 32, 5, 1)
        (params.maxSequenceLength, params.seed) = (16, 42)
        params.images = [try InputImage(path: "\(Golden.folder)/wan/pictures/first.png")]
        return params
    }

    @Test func makesAVideoOfAnImageHereAndInAProcessOfItsOwn() async throws {
        let (here, there) = try await (Self.engine(), Self.engine("wan2.2-tiny-i2v-a14b", .process))
        let output = try await here.generate("a lake", params: Self.params())
        let video = try #require(output.video)
        #expect((video.frameCount, video.height, video.width, video.frameRate) == (5, 16, 32, 16))
        #expect(output.images.isEmpty && output.image == nil)
        #expect(video.frame(4).pixels == Array(video.pixels.suffix(16 * 32 * 3)))
        #expect(try await there.generate("a lake", params: Self.params()).videos == output.videos)
        await there.shutdown()
    }

    @Test func savesEveryFormat() async throws {
        let engine = try await Self.engine()
        var params = try Self.params()
        params.numImagesPerPrompt = 2
        let output = try await engine.generate("a lake", params: params)
        #expect(output.videos.count == 2)
        #expect(output.videos[0] != output.videos[1])
        let folder = try TemporaryFolder()
        for name in ["a.mp4", "a.webm", "a.webp", "a.gif", "a.avi", "a/"] {
            let expected = ["0", "1"].map { folder.file(name.replacing("a", with: "a-\($0)", maxReplacements: 1)) }
            #expect(try output.save(folder.file(name)) == expected)
            for path in expected { #expect(FileManager.default.fileExists(atPath: path)) }
        }
        let recipe = try #require(try Self.comment(folder.file("a-1.mp4")))
        #expect(recipe.contains("--image=\(Golden.folder)/wan/pictures/first.png"))
        #expect(try Image(path: folder.file("a-1/00004.png")).pixels == output.videos[1].frame(4).pixels)
        try output.save(folder.file("b-%d"), format: "avi", frameRate: 8, quality: 50)
        #expect(try VideoReader(path: folder.file("b-1")).rate?.value == 8)
    }

    @Test(arguments: [VisualGenArgs.WorkerMode.inProcess, .process])
    func writesFramesAsTheyCome(_ mode: VisualGenArgs.WorkerMode) async throws {
        let engine = try await Self.engine("wan2.2-tiny-i2v-a14b", mode)
        var params = try Self.params()
        params.numImagesPerPrompt = 2
        let kept = try await engine.generate("a lake", params: params)
        let folder = try TemporaryFolder()
        let expected = try kept.save(folder.file("kept.mp4"))
        let output = try await engine.generate("a lake", params: params, savingTo: folder.file("made.mp4"))
        #expect(output.paths == ["0", "1"].map { folder.file("made-\($0).mp4") })
        #expect(output.videos.isEmpty && output.metrics != nil && output.seed == 42)
        for (made, kept) in zip(output.paths, expected) {
            #expect(FileManager.default.contents(atPath: made) == FileManager.default.contents(atPath: kept))
        }
        #expect(throws: VisualGenError.self) { try output.save(folder.file("again.mp4")) }
        let names = folder.names
        // Nothing is computed for a place where nothing can be written.
        for path in [folder.file("a.png"), "/nowhere/a.mp4", folder.file("a.mpeg")] {
            await #expect(throws: VisualGenError.self, "\(path)") {
                try await engine.generate("a lake", params: params, savingTo: path)
            }
        }
        #expect(folder.names == names)
        await engine.shutdown()
    }

    /// Of a model that makes images besides videos, a name that only an image has asks for one frame.
    @Test func drawsAStillWhereTheNameIsAnImages() async throws {
        let engine = try await Self.engine("cosmos3-tiny")
        var params = VisualGenParams()
        (params.height, params.width, params.numInferenceSteps, params.seed) = (32, 32, 1, 3)
        let folder = try TemporaryFolder()
        for (name, format) in [("a.jpg", String?.none), ("b", "png")] {
            let output = try await engine.generate(
                "a lake", params: params, savingTo: folder.file(name), format: format)
            let image = try Image(path: #require(output.paths.first))
            #expect(output.paths.count == 1 && (image.height, image.width) == (32, 32))
        }
        // Who asks for a video gets none there.
        params.numFrames = 5
        await #expect(throws: VisualGenError.self) {
            try await engine.generate("a lake", params: params, savingTo: folder.file("c.png"))
        }
        #expect(Set(folder.names) == ["a.jpg", "b"])
        await engine.shutdown()
    }

    private static func comment(_ path: String) throws -> String? {
        let comment = try VideoReader(path: path).comment
        return Recipe.command(fromComment: comment)
    }

    @Test func saysWhatCannotBeSaved() async throws {
        let output = try await Self.engine().generate("a lake", params: Self.params())
        let folder = try TemporaryFolder()
        for (path, format, crf, word) in [
            ("a.png", String?.none, Int?.none, "5 frames"), ("a", nil, nil, "output is"), ("a.mp4", "bmp", nil, "bmp"),
            ("a.mp4", nil, 99, "CRF"), ("a.gif", nil, 20, "CRF"),
        ] {
            let error = #expect(throws: VisualGenError.self) {
                try output.save(folder.file(path), format: format, crf: crf)
            }
            guard case .invalidParameters(let problems) = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(problems.first?.contains(word) == true, "\(problems)")
        }
        #expect(throws: VisualGenError.self) { try output.save("/nowhere/a.mp4") }
        #expect(folder.names == [])
    }

    @Test func aVideoOfOneFrameIsSavedAsAnImage() async throws {
        let engine = try await Self.engine()
        var params = try Self.params()
        params.numFrames = 1
        let output = try await engine.generate("a lake", params: params)
        let folder = try TemporaryFolder()
        try output.save(folder.file("a.png"))
        #expect(try Image(path: folder.file("a.png")).pixels == output.video?.pixels)
    }

    @Test func refusesWhatTheModelCannotDo() async throws {
        let engine = try await Self.engine()
        var params = try Self.params()
        params.images = []
        await #expect(throws: VisualGenError.invalidParameters(["image is needed"])) {
            try await engine.generate("a lake", params: params)
        }
        let words = try await Self.engine("wan2.1-tiny-t2v")
        await #expect(throws: VisualGenError.invalidParameters(["Wan 2.1/2.2 has no parameter image"])) {
            try await words.generate("a lake", params: Self.params())
        }
        #expect(VisualGen.supportedModels().contains("Wan-AI/Wan2.1-T2V-1.3B-Diffusers"))
        #expect(engine.defaultParams.frameRate == 16)
        #expect(engine.defaultParams.negativePrompt?.isEmpty == false)
    }

    @Test(arguments: ["wan2.1-tiny-t2v", "wan2.1-tiny-i2v", "wan2.1-tiny-flf2v", "wan2.2-tiny-ti2v-5b"])
    func warmsUpModelsThatNeedImages(_ model: String) async throws {
        var args = VisualGenArgs()
        (args.model, args.threads, args.workerMode) = (TinyCheckpoint.path(of: model), 1, .inProcess)
        (args.dtype, args.compilationConfig.numFrames) = (.float32, [5])
        args.compilationConfig.resolutions = [Resolution(height: 32, width: 32)]
        let engine = try await VisualGen(args: args)
        #expect(engine.startup.skippedSizes == [])
        #expect(engine.startup.warmUp > 0)
    }
}
