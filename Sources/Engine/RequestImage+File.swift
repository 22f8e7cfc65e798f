package import Diffusion
package import Files
package import Media

extension RequestImage {
    /// Reads an image's file.
    ///
    /// - Parameter path: a PNG, a JPEG, a WebP or a GIF; it becomes the image's name
    package init(path: String) throws(InputError) {
        do {
            self.init(name: path, try Image(path: path))
        } catch {
            throw InputError(path, error)
        }
    }

    /// Decodes an image.
    ///
    /// - Parameters:
    ///   - name: what the user calls it
    ///   - bytes: a whole file
    package init(name: String, decoding bytes: [UInt8]) throws(InputError) {
        do {
            self.init(name: name, try Image(decoding: bytes))
        } catch {
            throw InputError(name, error)
        }
    }

    /// An image of pixels.
    ///
    /// - Parameters:
    ///   - name: what the user calls it
    ///   - height: in pixels
    ///   - width: in pixels
    ///   - pixels: `[height, width, 3]`
    /// - Throws: ``InputError`` where the pixels do not fit the size
    package init(name: String, height: Int, width: Int, pixels: [UInt8]) throws(InputError) {
        do {
            self.init(name: name, try Image(width: width, height: height, pixels: pixels))
        } catch {
            throw InputError(name, error)
        }
    }

    private init(name: String, _ image: Image) {
        self.init(
            name: name,
            pixels: PixelBatch(count: 1, height: image.height, width: image.width, bytes: image.pixels))
    }
}

/// An image that a request brings along and that cannot be used.
package struct InputError: BlamedError, Equatable {
    /// What the user calls it.
    package let name: String
    /// What is wrong with it.
    package let fault: MediaError

    /// - Parameters:
    ///   - name: what the user calls it
    ///   - fault: what is wrong with it
    package init(_ name: String, _ fault: MediaError) { (self.name, self.fault) = (name, fault) }
}

extension InputError: CustomStringConvertible {
    package var blame: Blame { .input }

    package var description: String {
        if case .cannotRead = fault { "\(fault)" } else { "\(name) cannot be used: \(fault)" }
    }
}
