import Diffusion

/// Judges a clip of one object that moves or stands still, by the main rules of Tools/demo/video_check.py.
struct ClipChecker {
    /// How far an object comes in all that stands still, and that moves, of the image's side.
    private static let (still, moved) = (0.06, 0.15)
    /// How far it goes from one frame to the next at most, and how far against its direction.
    private static let (leap, back) = (0.08, 0.02)

    private let looks: [ImageLook]

    /// - Parameters:
    ///   - batch: videos
    ///   - index: which of them
    init(_ batch: PixelBatch, _ index: Int) {
        let (bytes, size) = (batch.item(index), batch.shape.frameBytes)
        looks = (0..<(batch.shape.frames ?? 1)).map {
            ImageLook(bytes[$0 * size..<($0 + 1) * size], height: batch.height, width: batch.width)
        }
    }

    /// What is wrong with the clip of a scene; nothing if it is wholly right.
    func faults(_ scene: Scene) -> [String] {
        var faults: [String] = []
        if looks.contains(where: { $0.background != scene.background }) { faults.append("background") }
        if looks.contains(where: { !$0.isClean }) { faults.append("clean") }
        guard looks.allSatisfy({ $0.objects.count == 1 }), let wanted = scene.objects.first else {
            return faults + ["object"]
        }
        let things = looks.map { $0.objects[0] }
        if things.contains(where: { $0.colour != wanted.colour }) { faults.append("colour") }
        if shape(of: things) != wanted.shape { faults.append("shape") }
        let extent = things.map(\.extent).sorted()[things.count / 2]
        if wanted.extents?.contains(extent) != true { faults.append("size") }
        let places = things.map(\.centre)
        let direction = direction(from: places[0], to: places[places.count - 1])
        if direction != scene.arrangement { faults.append("direction") }
        if !isSteady(places, direction) { faults.append("steady") }
        return faults
    }

    /// The shape of most frames, if it is that of a third of them.
    private func shape(of things: [ImageLook.Found]) -> String {
        var counts: [String: Int] = [:]
        for thing in things { counts[thing.shape, default: 0] += 1 }
        counts["other"] = nil
        guard let often = counts.max(by: { $0.value < $1.value }), 3 * often.value >= things.count else {
            return "other"
        }
        return often.key
    }

    private func direction(from first: (y: Double, x: Double), to last: (y: Double, x: Double)) -> String {
        let (right, down) = (last.x - first.x, last.y - first.y)
        if max(abs(right), abs(down)) < Self.still { return "still" }
        if abs(right) >= Self.moved, abs(down) < abs(right) / 2 { return right > 0 ? "right" : "left" }
        if abs(down) >= Self.moved, abs(right) < abs(down) / 2 { return down > 0 ? "down" : "up" }
        return "unclear"
    }

    private func isSteady(_ places: [(y: Double, x: Double)], _ direction: String) -> Bool {
        let ways: [String: (y: Double, x: Double)] = [
            "right": (0, 1), "left": (0, -1), "down": (1, 0), "up": (-1, 0),
        ]
        let way = ways[direction] ?? (0, 0)
        return zip(places, places.dropFirst()).allSatisfy { before, after in
            let (down, right) = (after.y - before.y, after.x - before.x)
            return (down * down + right * right).squareRoot() <= Self.leap
                && down * way.y + right * way.x > -Self.back
        }
    }
}
