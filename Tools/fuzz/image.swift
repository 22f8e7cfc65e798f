import Media

/// Any bytes give an image of the size that was allowed, or an error.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    let limit = 1 << 16
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    guard let image = try? Image(decoding: bytes, pixelLimit: limit) else { return 0 }
    precondition(image.width > 0 && image.height > 0 && image.width * image.height <= limit)
    precondition(image.pixels.count == 3 * image.width * image.height)
    return 0
}
