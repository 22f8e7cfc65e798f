/// Reuse of results between denoising steps (`cache_config`), told apart by `cache_backend`.
public enum CacheConfig: Sendable, Equatable {
    /// Whole steps are left out (`teacache`).
    case teaCache(TeaCacheConfig)
    /// Blocks within steps are left out (`cache_dit`).
    case cacheDiT(CacheDiTConfig)
}

extension CacheConfig: ConfigUnion {
    static var tagField: String { "cache_backend" }
    static var tags: [String] { ["teacache", "cache_dit"] }

    init?(tag: String) {
        switch tag {
        case "teacache": self = .teaCache(TeaCacheConfig())
        case "cache_dit": self = .cacheDiT(CacheDiTConfig())
        default: return nil
        }
    }

    var tag: String {
        switch self {
        case .teaCache: "teacache"
        case .cacheDiT: "cache_dit"
        }
    }

    mutating func exchange(_ fields: inout ConfigFields) {
        switch self {
        case .teaCache(var config):
            config.exchange(&fields)
            self = .teaCache(config)
        case .cacheDiT(var config):
            config.exchange(&fields)
            self = .cacheDiT(config)
        }
    }
}
