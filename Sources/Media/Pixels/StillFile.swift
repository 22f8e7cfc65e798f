/// An image's file, looked through but not decoded.
struct StillFile {
    /// Where a smaller frame lies on the image of an animation.
    struct Placement {
        let x, y, width, height: Int
        /// The colour beside it: red, green and blue.
        var around: [UInt8] = [0, 0, 0]
    }

    let format: DecodableFormat
    /// The size of the image as it is stored, in pixels.
    let width, height: Int
    /// How the stored image is to be turned.
    let orientation: ImageOrientation
    let pixels: any CodedPixels
    /// Where the decoded pixels go; nil where they are the image.
    var placement: Placement?
}

/// The pixels of an image's file as they are packed there.
protocol CodedPixels {
    /// Decodes them as they are stored, neither turned nor placed.
    ///
    /// - Throws: `.damaged`, `.unsupported`, `.cannotDecode`, `.outOfMemory`
    func decoded() throws(MediaError) -> Image
}
