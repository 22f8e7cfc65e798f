/// The name that was probably meant.
///
/// - Parameters:
///   - name: what was written
///   - known: the names there are
/// - Returns: the name that the fewest slips of the pen tell from it, if these are at most one in three letters; nil if none is near
package func nearestName(to name: String, among known: [String]) -> String? {
    var best: (name: String, distance: Int)?
    for candidate in known {
        let distance = editDistance(name, candidate)
        if 3 * distance <= max(name.count, 3), distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.name
}

/// How many letters must be put in, left out, replaced, or swapped with their neighbour to make one name of the other;
/// case does not count.
private func editDistance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a.lowercased()), Array(b.lowercased()))
    var rows = [Array(0...b.count)]
    for row in a.indices {
        var current = [row + 1]
        for column in b.indices {
            let replaced = rows[row][column] + (a[row] == b[column] ? 0 : 1)
            var distance = min(replaced, rows[row][column + 1] + 1, current[column] + 1)
            if row > 0, column > 0, a[row] == b[column - 1], a[row - 1] == b[column] {
                distance = min(distance, rows[row - 1][column - 1] + 1)
            }
            current.append(distance)
        }
        rows.append(current)
    }
    return rows[a.count][b.count]
}
