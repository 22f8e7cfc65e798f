internal import Files

/// Where the frames of a video go that becomes numbered PNG files.
struct ImagePattern: Equatable {
    /// The folder, with a `/` at its end unless it is the current one.
    let folder: String
    /// Whether the path names the folder, which is made where it does not exist.
    let namesFolder: Bool
    private let prefix, suffix: String
    private let digits: Int

    /// - Parameter path: ends in `/`, or in `.png` with a `%d` or `%05d` in the last name; nil comes of any other
    init?(_ path: String) {
        if path.hasSuffix("/") {
            (folder, namesFolder, prefix, suffix, digits) = (path, true, "", ".png", 5)
            return
        }
        let name = path.pathName
        guard let place = name.firstRange(of: /%0?([0-9]?)d/), name.lowercased().hasSuffix(".png") else { return nil }
        (folder, namesFolder) = (path.pathFolder, false)
        (prefix, suffix) = (String(name[..<place.lowerBound]), String(name[place.upperBound...]))
        digits = name[place].first(where: { ("1"..."9").contains($0) })?.wholeNumberValue ?? 1
    }

    /// A frame's file in the folder.
    ///
    /// - Parameter number: counted from 0
    /// - Returns: its name
    func name(_ number: Int) -> String {
        let text = "\(number)"
        return prefix + String(repeating: "0", count: max(digits - text.count, 0)) + text + suffix
    }
}
