/// What the pixels of an image show, by the main rules of Tools/demo/check.py.
struct ImageLook {
    private static let palette: [(name: String, colour: [Double])] = [
        ("red", [255, 0, 0]), ("green", [0, 150, 0]), ("blue", [0, 0, 255]), ("yellow", [255, 255, 0]),
        ("orange", [255, 150, 0]), ("purple", [140, 10, 165]), ("pink", [255, 150, 190]), ("cyan", [0, 255, 255]),
        ("brown", [150, 72, 28]), ("black", [0, 0, 0]), ("white", [255, 255, 255]), ("gray", [128, 128, 128]),
    ]
    /// Distance of colours up to which a pixel counts as the colour named.
    private static let tolerance = 60.0

    /// Something that differs from the background.
    struct Found {
        let colour, shape: String
        /// Of the image's shorter side.
        let extent: Double
        /// Of the image's height and width.
        let centre: (y: Double, x: Double)
    }

    /// The background's colour.
    let background: String
    /// In no order.
    private(set) var objects: [Found] = []
    /// Whether nearly all pixels at the edge are the background's.
    let isClean: Bool

    private let height, width: Int
    private let pixels: [[Double]]

    /// - Parameters:
    ///   - bytes: `[height, width, 3]`
    ///   - height: in pixels
    ///   - width: in pixels
    init(_ bytes: ArraySlice<UInt8>, height: Int, width: Int) {
        (self.height, self.width) = (height, width)
        let pixels = stride(from: bytes.startIndex, to: bytes.endIndex, by: 3).map {
            bytes[$0..<$0 + 3].map(Double.init)
        }
        self.pixels = pixels
        let edge = max(2, min(height, width) / 64)
        let border = pixels.indices.filter {
            let (y, x) = ($0 / width, $0 % width)
            return y < edge || x < edge || y >= height - edge || x >= width - edge
        }
        let background = Self.commonest(border.map { Self.nearest(pixels[$0]) })
        self.background = Self.palette[background].name
        var isObject = pixels.map { Self.distance($0, Self.palette[background].colour) > Self.tolerance }
        isClean = border.count { isObject[$0] } <= border.count * 3 / 100
        for start in pixels.indices where isObject[start] {
            let region = takeRegion(at: start, from: &isObject)
            if Double(region.count) >= 0.0015 * Double(min(height, width) * min(height, width)) {
                objects.append(object(region, on: background))
            }
        }
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
