import Foundation
import VisualGen

/// A video that begins with an image, in the image's proportions.
///
///     ImageToVideo IMAGE PROMPT [OUTPUT [MODEL]]
///
/// The model must be one for image to video: a folder, or a hub id, which is downloaded on the first run.
@main
struct ImageToVideo {
    static func main() async {
        let words = Array(CommandLine.arguments.dropFirst())
        guard words.count >= 2 else {
            print("ImageToVideo IMAGE PROMPT [OUTPUT [MODEL]]")
            exit(64)
        }
        do {
            try await animate(words)
        } catch {
            print("\(error)")
            exit(1)
        }
    }

    private static func animate(_ words: [String]) async throws {
        // Read first: a wrong path is told before anything is downloaded.
        let image = try InputImage(path: words[0])
        let output = words.count > 2 ? words[2] : "image-to-video.mp4"

        var args = VisualGenArgs()
        args.model = words.count > 3 ? words[3] : "Wan-AI/Wan2.2-TI2V-5B-Diffusers"
        args.dtype = .bfloat16
        args.compilationConfig.skipWarmup = true
        let engine = try await VisualGen(args: args) { progress in
            if case .loading(let component) = progress.stage { print("loading \(component)") }
        }

        var params = VisualGenParams()
        params.images = [image]
        (params.height, params.width) = size(of: image)
        params.numFrames = 17
        params.seed = 7
        let result = try engine.generateAsync(words[1], params: params, savingTo: output)
        Task {
            for await progress in result.progress {
                if case .denoising(let step, let count) = progress.stage { print("step \(step) of \(count)") }
            }
        }
        let video = try await result.value
        for warning in video.warnings { print(warning) }
        print("saved \(output)")
        await engine.shutdown()
    }

    /// The image's size, made smaller if it has more pixels than 832×480.
    ///
    /// The model rounds it down to a size that it can make.
    private static func size(of image: InputImage) -> (height: Int, width: Int) {
        let scale = min(1, (832.0 * 480 / Double(image.height * image.width)).squareRoot())
        return (Int(Double(image.height) * scale), Int(Double(image.width) * scale))
    }
}
