internal import Diffusion
internal import Layers
internal import Tensors

extension RunEnvironment {
    /// Delivers the frames of videos one by one as they are decoded, and records them where there is a trace.
    ///
    /// - Parameters:
    ///   - count: how many frames there will be
    ///   - decode: decodes, and gives each frame, `[batch, 3, 1, height, width]` from -1 to 1
    /// - Throws: what decoding throws, ``NonFiniteOutput``, or `CancellationError` between two frames
    func deliverFrames(_ count: Int, _ decode: ((Tensor) throws -> Void) throws -> Void) throws {
        let collector = OutputCollector()
        var (decoded, index): ([Tensor], Int) = ([], 0)
        try decode { frame in
            try context.checkCancellation()
            let part = try PixelPart(frames: frame, from: index, of: count)
            index += 1
            if trace != nil {
                decoded.append(try frame.to(.float32))
                collector.add(.pixels(part))
            }
            try deliver(.pixels(part))
        }
        guard let trace, let pixels = collector.pixels else { return }
        try trace.record("decoded", concatenate(decoded, axis: 2))
        let shape = pixels.shape
        trace.record("output", bytes: pixels.bytes, shape: [shape.count, count, shape.height, shape.width, 3])
    }
}
