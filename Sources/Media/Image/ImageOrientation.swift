/// How a stored picture is to be turned and mirrored before it is shown, as EXIF numbers it.
enum ImageOrientation: Int, CaseIterable {
    case upright = 1
    case mirrored = 2
    case upsideDown = 3
    case mirroredUpsideDown = 4
    case transposed = 5
    case turnedLeft = 6
    case transversed = 7
    case turnedRight = 8

    /// Whether width and height change places.
    var swapsSides: Bool { rawValue >= 5 }

    /// The orientation that EXIF data give; upright where they give none, or are damaged.
    ///
    /// - Parameter exif: from the TIFF header on
    // Source: CIPA DC-008 (Exif 2.32), 4.5.2 and 4.6.4: tag 0x0112, one 16-bit number.
    init(exif: ArraySlice<UInt8>) {
        let isBigEndian = exif.starts(with: Array("MM".utf8))
        guard isBigEndian || exif.starts(with: Array("II".utf8)) else {
            self = .upright
            return
        }
        func number(_ offset: Int, _ size: Int) -> Int? {
            isBigEndian ? exif.bigEndian(at: offset, size: size) : exif.littleEndian(at: offset, size: size)
        }
        guard number(2, 2) == 42, let directory = number(4, 4), let count = number(directory, 2) else {
            self = .upright
            return
        }
        let field = (0..<count).lazy.map { directory + 2 + 12 * $0 }.first { number($0, 2) == 0x0112 }
        let value = field.flatMap { number($0 + 2, 2) == 3 ? number($0 + 8, 2) : nil }
        self = value.flatMap(ImageOrientation.init(rawValue:)) ?? .upright
    }

    /// The picture as it is to be shown.
    func applied(to image: Image) throws(MediaError) -> Image {
        if self == .upright { return image }
        let (width, height) = swapsSides ? (image.height, image.width) : (image.width, image.height)
        var pixels = [UInt8](repeating: 0, count: image.pixels.count)
        for y in 0..<height {
            for x in 0..<width {
                let (sourceX, sourceY) = source(x, y, image.width - 1, image.height - 1)
                let from = 3 * (sourceY * image.width + sourceX)
                let to = 3 * (y * width + x)
                pixels[to] = image.pixels[from]
                pixels[to + 1] = image.pixels[from + 1]
                pixels[to + 2] = image.pixels[from + 2]
            }
        }
        return try Image(width: width, height: height, pixels: pixels)
    }

    /// Where the pixel that is shown at (x, y) is stored.
    private func source(_ x: Int, _ y: Int, _ right: Int, _ bottom: Int) -> (x: Int, y: Int) {
        switch self {
        case .upright: (x, y)
        case .mirrored: (right - x, y)
        case .upsideDown: (right - x, bottom - y)
        case .mirroredUpsideDown: (x, bottom - y)
        case .transposed: (y, x)
        case .turnedLeft: (y, bottom - x)
        case .transversed: (right - y, bottom - x)
        case .turnedRight: (right - y, x)
        }
    }
}
