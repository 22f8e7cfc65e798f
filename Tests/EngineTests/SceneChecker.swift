import Diffusion

/// What a prompt of the demo model asks for: a background, and one object or two, the left or upper one first.
struct Scene: Decodable {
    struct Thing: Decodable {
        let size, colour, shape: String
    }

    let background: String
    let objects: [Thing]
    /// `single`, `horizontal` or `vertical`.
    let arrangement: String
}

/// Judges a picture by its pixels, by the main rules of Tools/demo/check.py.
struct SceneChecker {
    private static let palette: [(name: String, colour: [Double])] = [
        ("red", [255, 0, 0]), ("green", [0, 150, 0]), ("blue", [0, 0, 255]), ("yellow", [255, 255, 0]),
        ("orange", [255, 150, 0]), ("purple", [140, 10, 165]), ("pink", [255, 150, 190]), ("cyan", [0, 255, 255]),
        ("brown", [150, 72, 28]), ("black", [0, 0, 0]), ("white", [255, 255, 255]), ("gray", [128, 128, 128]),
    ]
    private static let extents = ["large": 0.33...0.45, "medium": 0.235...0.325, "small": 0.15...0.245]
    /// Distance of colours up to which a pixel counts as the colour named.
    private static let tolerance = 60.0

    /// Something that differs from the background.
    private struct Found {
        let colour, shape: String
        /// Of the picture's shorter side.
        let extent: Double
        /// Of the picture's height and width.
        let centre: (y: Double, x: Double)
    }

    private let height, width: Int
    private let pixels: [[Double]]

    /// - Parameters:
    ///   - batch: pictures
    ///   - index: which of them
    init(_ batch: PixelBatch, _ index: Int) {
        (height, width) = (batch.shape.height, batch.shape.width)
        let bytes = batch.item(index)
        pixels = stride(from: 0, to: bytes.count, by: 3).map { bytes[$0..<$0 + 3].map(Double.init) }
    }

    /// What is wrong with the picture of a scene; nothing if it is wholly right.
    func faults(_ scene: Scene) -> [String] {
        let edge = max(2, min(height, width) / 64)
        let border = pixels.indices.filter {
            let (y, x) = ($0 / width, $0 % width)
            return y < edge || x < edge || y >= height - edge || x >= width - edge
        }
        let background = Self.commonest(border.map { Self.nearest(pixels[$0]) })
        var isObject = pixels.map { Self.distance($0, Self.palette[background].colour) > Self.tolerance }
        var faults: [String] = []
        if Self.palette[background].name != scene.background { faults.append("background") }
        let stained = border.count { isObject[$0] }
        if stained > border.count * 3 / 100 { faults.append("clean") }

        var found: [Found] = []
        for start in pixels.indices where isObject[start] {
            let region = takeRegion(at: start, from: &isObject)
            if Double(region.count) >= 0.0015 * Double(min(height, width) * min(height, width)) {
                found.append(object(region, on: background))
            }
        }
        let isVertical = scene.arrangement == "vertical"
        found.sort { isVertical ? $0.centre.y < $1.centre.y : $0.centre.x < $1.centre.x }
        guard found.count == scene.objects.count else { return faults + ["count"] }
        for (seen, wanted) in zip(found, scene.objects) {
            if seen.colour != wanted.colour { faults.append("colour") }
            if seen.shape != wanted.shape { faults.append("shape") }
            if Self.extents[wanted.size]?.contains(seen.extent) != true { faults.append("size") }
        }
        if !isInPlace(found, isVertical) { faults.append("place") }
        return faults
    }

    /// The pixels connected to one, diagonals included, which are unmarked.
    private func takeRegion(at start: Int, from isObject: inout [Bool]) -> [Int] {
        var region = [start]
        isObject[start] = false
        var next = 0
        while next < region.count {
            let (y, x) = (region[next] / width, region[next] % width)
            next += 1
            for row in max(0, y - 1)...min(height - 1, y + 1) {
                for column in max(0, x - 1)...min(width - 1, x + 1) where isObject[row * width + column] {
                    isObject[row * width + column] = false
                    region.append(row * width + column)
                }
            }
        }
        return region
    }

    private func object(_ region: [Int], on background: Int) -> Found {
        let members = Set(region)
        let inner = region.filter { place in
            [-width - 1, -width, -width + 1, -1, 1, width - 1, width, width + 1].allSatisfy {
                members.contains(place + $0)
            }
        }
        let colour = Self.commonest((inner.isEmpty ? region : inner).map { Self.nearest(pixels[$0]) })
        // Half-covered pixels count as inside when they are nearer to the object's colour than to the background's.
        let mask = region.filter {
            Self.distance(pixels[$0], Self.palette[colour].colour)
                < Self.distance(pixels[$0], Self.palette[background].colour)
        }
        let (rows, columns) = (mask.map { $0 / width }, mask.map { $0 % width })
        guard let top = rows.min(), let bottom = rows.max(), let left = columns.min(), let right = columns.max() else {
            return Found(colour: Self.palette[colour].name, shape: "none", extent: 0, centre: (0, 0))
        }
        let (boxHeight, boxWidth) = (bottom - top + 1, right - left + 1)
        let quarter = max(1, boxHeight / 4)
        func share(_ range: Range<Int>) -> Double {
            Double(rows.count { range.contains($0) }) / Double(range.count * boxWidth)
        }
        let shape = Self.shape(
            ratio: Double(boxWidth) / Double(boxHeight), filled: share(top..<bottom + 1),
            top: share(top..<top + quarter), bottom: share(bottom + 1 - quarter..<bottom + 1))
        let centre = (
            y: Double(rows.reduce(0, +)) / Double(mask.count * height),
            x: Double(columns.reduce(0, +)) / Double(mask.count * width)
        )
        return Found(
            colour: Self.palette[colour].name, shape: shape,
            extent: Double(max(boxHeight, boxWidth)) / Double(min(height, width)), centre: centre)
    }

    /// Names a shape by how much of its bounding box it fills, and where.
    private static func shape(ratio: Double, filled: Double, top: Double, bottom: Double) -> String {
        if ratio <= 0.8 || ratio >= 1.25 { return "other" }
        if filled > 0.92 { return "square" }
        if filled > 0.70, abs(top - bottom) < 0.15 { return "circle" }
        if filled > 0.40, filled < 0.64, bottom - top > 0.5 { return "triangle" }
        return "other"
    }

    private func isInPlace(_ found: [Found], _ isVertical: Bool) -> Bool {
        guard found.count == 2 else {
            return abs(found[0].centre.x - 0.5) < 0.2 && abs(found[0].centre.y - 0.5) < 0.2
        }
        let (down, across) = (found[1].centre.y - found[0].centre.y, found[1].centre.x - found[0].centre.x)
        return isVertical ? down > 0.2 && abs(across) < 0.2 : across > 0.2 && abs(down) < 0.2
    }

    private static func distance(_ a: [Double], _ b: [Double]) -> Double {
        let (red, green, blue) = (a[0] - b[0], a[1] - b[1], a[2] - b[2])
        return (red * red + green * green + blue * blue).squareRoot()
    }

    private static func nearest(_ pixel: [Double]) -> Int {
        palette.indices.min { distance(pixel, palette[$0].colour) < distance(pixel, palette[$1].colour) } ?? 0
    }

    private static func commonest(_ indices: [Int]) -> Int {
        var counts = Array(repeating: 0, count: palette.count)
        for index in indices { counts[index] += 1 }
        return counts.indices.max { counts[$0] < counts[$1] } ?? 0
    }
}
