/// A whole JPEG, whose pixels libjpeg-turbo decodes.
struct JPEGPixels: CodedPixels {
    let bytes: [UInt8]
    /// As its header gives them; `components` is how many colours each pixel has.
    let width, height, components: Int

    func decoded() throws(MediaError) -> Image {
        try Image(jpeg: bytes, components: components, width: width, height: height)
    }
}
