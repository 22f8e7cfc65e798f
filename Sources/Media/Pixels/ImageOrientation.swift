/// How a stored image is to be turned and mirrored before it is shown, as EXIF numbers it.
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

    /// The orientation that a file's notes give, as PIL reads them; upright where they give none.
    ///
    /// What XMP says counts where there are no EXIF data, or where they say nothing of it. Data that are no EXIF at all
    /// let PIL give the image up, or leave it as it is stored; here it stays as it is stored.
    ///
    /// - Parameters:
    ///   - exif: from the TIFF header on, or with one prefix or two before it
    ///   - xmp: a text in XML
    // Source: CIPA DC-008 (Exif 2.32), 4.6.4: tag 0x0112; Pillow 13.0.0, Image.py, `getexif`.
    init(exif: ArraySlice<UInt8>?, xmp: ArraySlice<UInt8>?) {
        var data = exif ?? []
        for _ in 0..<2 where data.starts(with: EXIFDirectory.prefix) {
            data = data.dropFirst(EXIFDirectory.prefix.count)
        }
        if !data.isEmpty {
            guard let directory = EXIFDirectory(data) else {
                self = .upright
                return
            }
            if let field = directory.field(0x0112) {
                self = directory.number(field).flatMap(Int.init(exactly:)).flatMap(Self.init(rawValue:)) ?? .upright
                return
            }
        }
        self = xmp.flatMap(Self.digit(xmp:)).flatMap(Self.init(rawValue:)) ?? .upright
    }

    /// The first digit that follows the property's name, as an attribute or as an element.
    private static func digit(xmp: ArraySlice<UInt8>) -> Int? {
        var rest = xmp
        while let start = rest.firstIndex(of: name[0]) {
            rest = rest[start...]
            if rest.starts(with: name) {
                let value = rest.dropFirst(name.count)
                for mark in ["=\"", ">"] where value.starts(with: mark.utf8) {
                    let digit = value.dropFirst(mark.utf8.count).first.map { Int($0) - 0x30 }
                    if let digit, 0...9 ~= digit { return digit }
                }
            }
            rest = rest.dropFirst()
        }
        return nil
    }

    private static let name = Array("tiff:Orientation".utf8)

    /// The image as it is to be shown.
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
