import VisualGen

/// What reading something says is wrong.
func problems(_ read: () throws(ConfigurationError) -> VisualGenArgs) -> [String] {
    do {
        _ = try read()
        return []
    } catch {
        return error.problems.map(\.description)
    }
}
