internal import Files

/// Where several images or videos go.
package struct NumberedPaths: Sendable, Equatable {
    /// One path for each.
    package let paths: [String]

    /// - Parameters:
    ///   - path: with `%d` where the number goes; without it `name.png` becomes `name-0.png`, `name-1.png`, …, a folder
    ///     `name/` becomes `name-0/`, `name-1/`, …, and one image has the path itself
    ///   - count: how many images or videos
    package init(_ path: String, count: Int) {
        paths = (0..<count).map { index in
            if path.contains("%d") { return path.replacing("%d", with: "\(index)") }
            if count == 1 { return path }
            if path.hasSuffix("/") { return "\(path.dropLast())-\(index)/" }
            let name = path.pathName
            guard let dot = name.lastIndex(of: ".") else { return "\(path)-\(index)" }
            return "\(path.pathFolder)\(name[..<dot])-\(index)\(name[dot...])"
        }
    }
}
