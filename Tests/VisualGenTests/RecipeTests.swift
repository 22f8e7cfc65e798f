import Diffusion
import Media
import Tensors
import Testing
import VisualGen

@Suite struct RecipeTests {
    private static func recipe(_ prompt: String = "a lake") -> Recipe {
        var request = GenerationRequest(prompts: [prompt, "a dog"])
        (request.height, request.width, request.numFrames, request.frameRate) = (32, 48, 9, 16)
        (request.numInferenceSteps, request.guidanceScale, request.seeds) = (3, 5, [1, 2])
        let pixels = PixelBatch(count: 1, height: 1, width: 1, bytes: [1, 2, 3])
        request.images = [RequestImage(name: "my image.png", pixels: pixels)]
        request.lastImage = RequestImage(name: "-end.png", pixels: pixels)
        request.extra = ["guidance_scale_2": .number(1e300), "sigmas": .list([.number(1), .number(0.5)])]
        return Recipe(request, model: "demo-video", dtype: .bfloat16, image: 1)
    }

    @Test func aVideosRecipeHasEveryArgument() {
        let arguments = Self.recipe().arguments
        for argument in [
            "--image=my image.png", "--last-image=-end.png", "--num-frames=9", "--frame-rate=16.0", "--height=32",
            "--extra=guidance_scale_2=1e+300", "--extra=sigmas=[1,0.5]", "--seed=2",
        ] {
            #expect(arguments.contains(argument), "\(argument)")
        }
        let texts = Dictionary(uniqueKeysWithValues: Self.recipe().texts.map { ($0.keyword, $0.text) })
        #expect(texts["prompt"] == "a dog")
        #expect(texts["seed"] == "2")
        #expect(texts["settings"] == "48x32, 9 frames, 3 steps, guidance 5.0, bfloat16")
    }

    @Test(arguments: ["a lake", "two\nlines", "a\nvisualgen: [\"--evil\"]", "visualgen: []\r\n", "日本語\r", ""])
    func isReadBackFromAComment(_ prompt: String) throws {
        let recipe = Self.recipe(prompt)
        let comment = recipe.texts.map { "\($0.keyword): \($0.text)" }.joined(separator: "\n")
        let command = try #require(Recipe.command(fromComment: comment))
        #expect(command == Recipe.command(from: recipe.texts))
        #expect(command.hasPrefix("visualgen generate --model demo-video"))
        #expect(command.contains("'--image=my image.png' --last-image=-end.png"))
    }

    /// The apostrophe before a combining mark makes one character with it, and ends the word all the same.
    @Test func quotesForeignArgumentsByTheByte() throws {
        let json = #"["--model","demo-image","--prompt=fox'\u0301; touch pwned; : '\u0301\u001b[2J\u0007\r","it's"]"#
        let command = try #require(Recipe.command(from: [PNGText(keyword: "visualgen", text: json)]))
        #expect(!command.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F })
        let beginning = #"visualgen generate --model demo-image --prompt=fox"$(printf '\047"#
        #expect(command.utf8.starts(with: beginning.utf8))
        #expect(command.hasSuffix(#"\033[2J\007\015')" 'it'\''s'"#))
        #expect(Recipe.command(fromComment: "visualgen: \(json)\r\n") == command)
        #expect(Recipe.command(from: [PNGText(keyword: "visualgen", text: #"["a\u0000b"]"#)]) == nil)
    }

    @Test func findsTheTextsOfAComment() {
        let comment = "free\nSoftware: VisualGen\r\nprompt: a\nvisualgen generate; b\n\nvisualgen: []"
        let texts = Recipe.texts(fromComment: comment).map { "\($0.keyword)=\($0.text)" }
        #expect(
            texts == ["comment=free", "Software=VisualGen", "prompt=a\nvisualgen generate; b\n", "visualgen=[]"])
        #expect(Recipe.texts(fromComment: "").isEmpty)
    }

    @Test(arguments: ["", "a comment", "visualgen: no list", "prompt: a\nmodel: b"])
    func isNotFoundInOtherComments(_ comment: String) {
        #expect(Recipe.command(fromComment: comment) == nil)
    }
}
