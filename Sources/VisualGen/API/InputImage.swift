internal import Diffusion
internal import Engine

/// An image that a request brings along.
///
/// Grey, palette, 16-bit, transparent and four-colour files become RGB as PIL's `convert("RGB")` makes them, turned as
/// their EXIF data ask. Of an animation the first frame is taken.
public struct InputImage: Sendable, Equatable {
    let image: RequestImage

    /// Reads a file.
    ///
    /// - Parameter path: a PNG, a JPEG, a WebP or a GIF; the format is read from the bytes, not from the name
    /// - Throws: ``VisualGenError/input(_:)``
    public init(path: String) throws(VisualGenError) {
        do {
            image = try RequestImage(path: path)
        } catch {
            throw VisualGenError(error)
        }
    }

    /// Decodes a file that is in memory.
    ///
    /// - Parameters:
    ///   - data: all bytes of a PNG, a JPEG, a WebP or a GIF
    ///   - name: what errors and recipes call it
    /// - Throws: ``VisualGenError/input(_:)``
    public init(data: some Sequence<UInt8>, name: String = "image") throws(VisualGenError) {
        do {
            image = try RequestImage(name: name, decoding: Array(data))
        } catch {
            throw VisualGenError(error)
        }
    }

    /// An image of pixels.
    ///
    /// - Parameters:
    ///   - height: in pixels, at least 1
    ///   - width: in pixels, at least 1
    ///   - pixels: red, green and blue of each pixel, rows from the top, `[height, width, 3]`
    ///   - name: what errors and recipes call it
    /// - Throws: ``VisualGenError/input(_:)`` where the pixels do not fit the size
    public init(height: Int, width: Int, pixels: [UInt8], name: String = "image") throws(VisualGenError) {
        do {
            image = try RequestImage(name: name, height: height, width: width, pixels: pixels)
        } catch {
            throw VisualGenError(error)
        }
    }

    /// What errors and recipes call it; a file's path.
    public var name: String { image.name }
    /// In pixels.
    public var height: Int { image.pixels.height }
    /// In pixels.
    public var width: Int { image.pixels.width }
    /// Red, green and blue of each pixel, rows from the top, `[height, width, 3]`.
    public var pixels: [UInt8] { image.pixels.bytes }
}

extension InputImage: ConfigField {
    static var kind: String { "an image's path" }

    static func read(_ value: ConfigValue, at path: String, into problems: inout [ConfigProblem]) -> InputImage? {
        guard case .string(let file) = value else {
            problems.append(mismatch(value, at: path))
            return nil
        }
        do {
            return try InputImage(path: file)
        } catch {
            problems.append(ConfigProblem(path, "must be \(kind): \(error)"))
            return nil
        }
    }

    var configValue: ConfigValue { .string(name) }
}
