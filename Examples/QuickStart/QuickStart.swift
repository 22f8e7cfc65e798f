import VisualGen

/// The smallest program: a prompt becomes a file.
@main
struct QuickStart {
    static func main() async throws {
        let engine = try await VisualGen(model: "demo-image")
        let output = try await engine.generate("a large red circle left of a small blue square on a yellow background")
        try output.save("quick-start.png")
    }
}
