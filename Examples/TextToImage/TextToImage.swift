import Foundation
import VisualGen

/// An image with settings, progress, a time limit, and where the time went.
///
///     TextToImage PROMPT [OUTPUT [MODEL]]
@main
struct TextToImage {
    static func main() async {
        do {
            try await draw(Array(CommandLine.arguments.dropFirst()))
        } catch {
            print("\(error)")
            exit(1)
        }
    }

    private static func draw(_ words: [String]) async throws {
        let prompt = words.first ?? "a small green triangle above a large blue circle on a white background"
        let output = words.count > 1 ? words[1] : "text-to-image.png"

        var args = VisualGenArgs()
        args.model = words.count > 2 ? words[2] : "demo-image"
        args.dtype = .float32
        let engine = try await VisualGen(args: args)
        print("parameters of this model: \(engine.extraParamSpecs.keys.sorted())")

        var params = engine.defaultParams
        params.numInferenceSteps = 20
        params.seed = 7
        let result = try engine.generateAsync(prompt, params: params)
        Task {
            for await progress in result.progress {
                if case .denoising(let step, let count) = progress.stage { print("step \(step) of \(count)") }
            }
        }
        let made = try await result.value(timeout: .seconds(600))
        try made.save(output)
        if let metrics = made.metrics {
            print("denoised in \(metrics.denoise) s, decoded in \(metrics.postDenoise) s")
        }
        print("saved \(output)")
        await engine.shutdown()
    }
}
