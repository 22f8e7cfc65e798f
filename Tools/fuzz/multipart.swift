import Server

/// Any bytes give a form or an error, what is in a form was in the bytes, and its names give values or an error.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    var limits = ServerLimits()
    (limits.parts, limits.fieldBytes) = (8, 64)
    guard let form = try? MultipartForm(bytes, boundary: "b", limits: limits) else { return 0 }
    precondition(form.parts.count <= limits.parts)
    for part in form.parts {
        precondition(!part.name.isEmpty)
        precondition(part.bytes.startIndex >= 0 && part.bytes.endIndex <= size)
    }
    // What their names flatten is no more than they are.
    guard let fields = try? FormFields(form) else { return 0 }
    precondition(fields.values.count + fields.files.count <= form.parts.count)
    precondition(fields.files.values.map(\.count).reduce(0, +) <= form.parts.count)
    return 0
}
