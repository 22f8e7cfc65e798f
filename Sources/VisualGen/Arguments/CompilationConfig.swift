/// What is run once before the first request, so that no request pays for it (`compilation_config`).
///
/// The shapes are every resolution with every number of frames; those that do not fit the model are left out with a
/// warning.
public struct CompilationConfig: Sendable, Equatable {
    /// Sizes in pixels (`resolutions`): default null, the model's own list; an empty list is no warm-up.
    public var resolutions: [Resolution]?
    /// Numbers of frames, 1 for images (`num_frames`): each at least 1, default null, the model's own list.
    public var numFrames: [Int]?
    /// Whether nothing is run (`skip_warmup`): default false.
    public var skipWarmup = false

    /// The model's own shapes.
    public init() {}
}

/// A size in pixels, written as a list: `[height, width]`.
public struct Resolution: Sendable, Equatable {
    /// The height in pixels: at least 1.
    public var height: Int
    /// The width in pixels: at least 1.
    public var width: Int

    /// A size.
    ///
    /// - Parameters:
    ///   - height: in pixels
    ///   - width: in pixels
    public init(height: Int, width: Int) { (self.height, self.width) = (height, width) }
}

extension Resolution: ConfigPair {
    static var kind: String { "two whole numbers [height, width]" }
    init(_ first: Int, _ second: Int) { self.init(height: first, width: second) }
    var numbers: (Int, Int) { (height, width) }
}

extension CompilationConfig: ConfigRecord {
    mutating func exchange(_ fields: inout ConfigFields) {
        fields.exchange("resolutions", &resolutions)
        fields.exchange("num_frames", &numFrames, .orNull(.each(.atLeast(1))))
        fields.exchange("skip_warmup", &skipWarmup)
    }
}
