/// How one request is spread over several workers (`parallel_config`).
///
/// The workers form a mesh of four axes: guidance branches, tensor parallelism, context parallelism (a ring or a
/// two-dimensional mesh) and Ulysses; each product of sizes needs as many workers as it says.
public struct ParallelConfig: Sendable, Equatable {
    /// How many groups of workers share the branches of classifier-free guidance (`cfg_size`): 1 or 2, default 1.
    public var cfgSize = 1
    /// Over how many workers attention's heads are spread (`ulysses_size`): at least 1, default 1.
    public var ulyssesSize = 1
    /// Whether Ulysses' exchanges overlap with the projections (`async_ulysses`): default false.
    ///
    /// It needs `ulysses_size` above 1 and no ring.
    public var asyncUlysses = false
    /// Over how many workers keys and values go round in a ring (`ring_size`): at least 1, default 1.
    ///
    /// It excludes `attn2d_size` and needs an attention backend that returns its log-sum-exp: FA4 or CUTEDSL.
    public var ringSize = 1
    /// The mesh of workers of two-dimensional attention (`attn2d_size`): default 1 by 1, which is none.
    ///
    /// It excludes `ring_size` and needs an attention backend that returns its log-sum-exp: FA4 or CUTEDSL.
    public var attn2dSize = Attention2DSize(1, 1)
    /// Over how many workers each linear layer is spread (`tp_size`): at least 1, default 1.
    public var tpSize = 1
    /// How many workers decode one image together (`parallel_vae_size`): at least 1, default 1.
    ///
    /// No more than there are workers, and either all of them or at most those of one guidance branch.
    public var parallelVAESize = 1
    /// The side along which the decoder's work is cut (`parallel_vae_split_dim`): default width.
    public var parallelVAESplitDim = SplitDimension.width

    /// A side of an image.
    public enum SplitDimension: String, Sendable, CaseIterable {
        /// Each worker decodes some of the columns.
        case width
        /// Each worker decodes some of the rows.
        case height
    }

    /// No parallelism: one worker.
    public init() {}

    /// Over how many workers the sequence is spread by a ring or by two-dimensional attention.
    public var contextSize: Int {
        attn2dSize == Attention2DSize(1, 1) ? ringSize : attn2dSize.rows.times(attn2dSize.columns)
    }

    /// How many workers one request needs: `cfg_size` × `tp_size` × context size × `ulysses_size`.
    ///
    /// `Int.max` where the product is larger than that.
    public var workerCount: Int { cfgSize.times(tpSize).times(contextSize).times(ulyssesSize) }

    /// What makes this unfit for a model with these numbers of heads.
    ///
    /// - Parameters:
    ///   - heads: the attention heads of the model's transformer
    ///   - keyValueHeads: the heads of its keys and values, nil if there are as many as of the queries
    /// - Returns: a problem for each number that `tp_size` × `ulysses_size` does not divide
    public func problems(heads: Int, keyValueHeads: Int? = nil) -> [ConfigProblem] {
        let parts = tpSize.times(ulyssesSize)
        let counts = [(heads, "attention heads"), (keyValueHeads ?? heads, "key and value heads")]
        return counts.prefix(keyValueHeads == nil || keyValueHeads == heads ? 1 : 2).compactMap { count, name in
            guard count % max(parts, 1) != 0 else { return nil }
            let sizes = (1...max(1, count)).filter { count % $0 == 0 }.map(String.init).joined(separator: ", ")
            return ConfigProblem(
                "parallel_config",
                "has tp_size × ulysses_size = \(parts), which does not divide the model's \(count) \(name); \(sizes) do"
            )
        }
    }

    /// What makes this unfit for a model that computes so many branches of guidance.
    ///
    /// - Parameter guidanceBranches: 1 for a model with embedded guidance, such as FLUX, otherwise 2
    /// - Returns: a problem if `cfg_size` is larger
    public func problems(guidanceBranches: Int) -> [ConfigProblem] {
        guard cfgSize > guidanceBranches else { return [] }
        let branches = guidanceBranches == 1 ? "one guidance branch only" : "\(guidanceBranches) guidance branches only"
        return [ConfigProblem("parallel_config.cfg_size", "is \(cfgSize), but the model computes \(branches)")]
    }
}

/// A mesh of workers for two-dimensional attention, written as a list: `[rows, columns]`.
public struct Attention2DSize: Sendable, Equatable {
    /// How many workers gather the queries: at least 1.
    public var rows: Int
    /// How many workers gather keys and values: at least 1.
    public var columns: Int

    /// A mesh of `rows` × `columns` workers.
    ///
    /// - Parameters:
    ///   - rows: how many workers gather the queries
    ///   - columns: how many workers gather keys and values
    public init(_ rows: Int, _ columns: Int) { (self.rows, self.columns) = (rows, columns) }
}

extension Attention2DSize: ConfigPair {
    static var kind: String { "two whole numbers [rows, columns]" }
    var numbers: (Int, Int) { (rows, columns) }
}

extension ParallelConfig.SplitDimension: ConfigName {}

extension ParallelConfig: ConfigRecord {
    mutating func exchange(_ fields: inout ConfigFields) {
        fields.exchange("cfg_size", &cfgSize, .within(1...2))
        fields.exchange("ulysses_size", &ulyssesSize, .atLeast(1))
        fields.exchange("async_ulysses", &asyncUlysses)
        fields.exchange("ring_size", &ringSize, .atLeast(1))
        fields.exchange("attn2d_size", &attn2dSize)
        fields.exchange("tp_size", &tpSize, .atLeast(1))
        fields.exchange("parallel_vae_size", &parallelVAESize, .atLeast(1))
        fields.exchange("parallel_vae_split_dim", &parallelVAESplitDim)
        fields.require(
            !asyncUlysses || ulyssesSize > 1, "async_ulysses", with: ["ulysses_size"],
            "needs ulysses_size above 1, not \(ulyssesSize)")
        fields.require(
            !asyncUlysses || ringSize == 1, "async_ulysses", with: ["ring_size"], "needs ring_size 1, not \(ringSize)")
        let sizes = ["cfg_size", "ulysses_size", "ring_size", "attn2d_size", "tp_size"]
        fields.require(
            parallelVAESize <= workerCount, "parallel_vae_size", with: sizes,
            "is \(parallelVAESize), but the other sizes make \(workerCount) workers")
        fields.require(
            parallelVAESize >= workerCount || parallelVAESize <= workerCount / max(cfgSize, 1), "parallel_vae_size",
            with: sizes,
            "is \(parallelVAESize), which is neither all \(workerCount) workers nor within the"
                + " \(workerCount / max(cfgSize, 1)) of one guidance branch")
    }
}

extension Int {
    /// The product, or the largest number where it is too large.
    fileprivate func times(_ other: Int) -> Int {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? .max : product
    }
}
