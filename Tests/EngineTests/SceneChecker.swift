import Diffusion

/// What a prompt of the demo model asks for: a background, and one object or two, the left or upper one first.
struct Scene: Decodable {
    struct Thing: Decodable {
        let size, colour, shape: String

        /// The lengths that the longer side of a thing of this size may have, of the image's shorter side.
        var extents: ClosedRange<Double>? {
            ["large": 0.33...0.45, "medium": 0.235...0.325, "small": 0.15...0.245][size]
        }
    }

    let background: String
    let objects: [Thing]
    /// `single`, `horizontal` or `vertical`; in a clip where the object goes: `left`, `right`, `up`, `down` or `still`.
    let arrangement: String
}

/// Judges an image of a scene.
struct SceneChecker {
    private let look: ImageLook

    /// - Parameters:
    ///   - batch: images
    ///   - index: which of them
    init(_ batch: PixelBatch, _ index: Int) {
        look = ImageLook(batch.item(index)[...], height: batch.height, width: batch.width)
    }

    /// What is wrong with the image of a scene; nothing if it is wholly right.
    func faults(_ scene: Scene) -> [String] {
        var faults: [String] = []
        if look.background != scene.background { faults.append("background") }
        if !look.isClean { faults.append("clean") }
        let isVertical = scene.arrangement == "vertical"
        let found = look.objects.sorted { isVertical ? $0.centre.y < $1.centre.y : $0.centre.x < $1.centre.x }
        guard found.count == scene.objects.count else { return faults + ["count"] }
        for (seen, wanted) in zip(found, scene.objects) {
            if seen.colour != wanted.colour { faults.append("colour") }
            if seen.shape != wanted.shape { faults.append("shape") }
            if wanted.extents?.contains(seen.extent) != true { faults.append("size") }
        }
        if !isInPlace(found, isVertical) { faults.append("place") }
        return faults
    }

    private func isInPlace(_ found: [ImageLook.Found], _ isVertical: Bool) -> Bool {
        guard found.count == 2 else {
            return abs(found[0].centre.x - 0.5) < 0.2 && abs(found[0].centre.y - 0.5) < 0.2
        }
        let (down, across) = (found[1].centre.y - found[0].centre.y, found[1].centre.x - found[0].centre.x)
        return isVertical ? down > 0.2 && abs(across) < 0.2 : across > 0.2 && abs(down) < 0.2
    }
}
