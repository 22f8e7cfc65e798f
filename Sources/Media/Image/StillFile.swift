/// A picture's file, looked through but not decoded.
struct StillFile {
    /// Where a smaller frame lies on the picture of an animation.
    struct Placement {
        let x, y, width, height: Int
        /// The colour beside it: red, green and blue.
        var around: [UInt8] = [0, 0, 0]
    }

    let format: PictureFormat
    /// The size of the picture as it is stored, in pixels.
    let width, height: Int
    /// How the stored picture is to be turned.
    let orientation: ImageOrientation
    /// A file of the same format with nothing but what the pixels need.
    let picture: [UInt8]
    /// Where the decoded pixels go; nil where they are the picture.
    var placement: Placement?
}
