import VisualGen

/// Several prompts, each with its own settings; one that fails does not stop the others.
@main
struct Batch {
    static func main() async throws {
        let engine = try await VisualGen(model: "demo-image")
        let prompts = ["a large red circle", "a small blue square on a yellow background", "a large green triangle"]
        let params = [1, 2, 3].map { (seed: UInt64) in
            var params = VisualGenParams()
            (params.seed, params.numInferenceSteps) = (seed, 10)
            (params.height, params.width) = (128, 128)
            return params
        }
        for output in try await engine.generate(prompts, params: params) {
            if let error = output.error {
                print("\(output.prompt): \(error)")
            } else {
                print("\(output.prompt): \(try output.save("batch-\(output.seed).png").joined(separator: ", "))")
            }
        }
        await engine.shutdown()
    }
}
