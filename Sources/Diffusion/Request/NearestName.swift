internal import Files

extension String {
    /// The name that was probably meant; case does not count.
    ///
    /// - Parameter names: the names there are
    /// - Returns: the name that the fewest slips of the pen tell from this text, if these are at most one in three letters, or
    ///   if one of the two holds the other; nil if none is near, or the text is longer than any name
    package func nearest(of names: [String]) -> String? {
        guard utf8.count <= MessageLimit.nameBytes else { return nil }
        let misspelt = lowercased()
        var best: (name: String, distance: Int)?
        for name in names {
            let distance = misspelt.distance(to: name.lowercased())
            let isNear = distance <= Swift.max(1, Swift.min(utf8.count, name.utf8.count) / 3)
            if isNear || misspelt.isPart(of: name.lowercased()), best.map({ distance < $0.distance }) ?? true {
                best = (name, distance)
            }
        }
        return best?.name
    }

    /// Whether one of the two holds the other, as `dit_cfg_size` holds `cfg_size`.
    private func isPart(of other: String) -> Bool {
        let (short, long) = utf8.count < other.utf8.count ? (self, other) : (other, self)
        return short.utf8.count >= 4 && long.contains(short)
    }

    /// How many bytes must be added, removed, replaced or swapped with their neighbour to get another text.
    private func distance(to other: String) -> Int {
        let (from, to) = (Array(utf8), Array(other.utf8))
        var beforeLast: [Int] = []
        var last = Array(0...to.count)
        for row in from.indices {
            var current = [row + 1]
            for column in to.indices {
                let replaced = last[column] + (from[row] == to[column] ? 0 : 1)
                var best = Swift.min(replaced, last[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, from[row] == to[column - 1], from[row - 1] == to[column] {
                    best = Swift.min(best, beforeLast[column - 1] + 1)
                }
                current.append(best)
            }
            (beforeLast, last) = (last, current)
        }
        return last[to.count]
    }
}
