import Server

/// Any bytes give a form or an error, and what is in a form was in the bytes.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    var limits = ServerLimits()
    (limits.parts, limits.fieldBytes) = (8, 64)
    guard let form = try? MultipartForm(bytes, boundary: "b", limits: limits) else { return 0 }
    precondition(form.parts.count <= limits.parts)
    for part in form.parts {
        precondition(!part.name.isEmpty)
        precondition(part.fileName != nil || part.bytes.count <= limits.fieldBytes)
        precondition(part.bytes.startIndex >= 0 && part.bytes.endIndex <= size)
    }
    return 0
}
