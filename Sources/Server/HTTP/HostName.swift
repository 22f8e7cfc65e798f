/// The name under which a client found the server: the value of `Host`.
// Source: RFC 3986, 3.2.2 and 3.2.3; RFC 9110, 7.2.
struct HostName: Equatable {
    /// In small letters, an address of version 6 in brackets.
    let name: String
    /// Nil for the scheme's own.
    let port: Int?

    /// - Parameter text: the header's value; nil for what is no name or address with at most a port
    init?(_ text: String) {
        let bytes = Array(text.utf8)
        let end: Int
        if bytes.first == UInt8(ascii: "[") {
            guard let bracket = bytes.firstIndex(of: UInt8(ascii: "]")), bracket > 2,
                bytes[1..<bracket].allSatisfy(Self.isOfAddress)
            else { return nil }
            end = bracket + 1
        } else {
            end = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.count
            guard end > 0, bytes[..<end].allSatisfy(Self.isOfName) else { return nil }
        }
        name = String(decoding: bytes[..<end], as: UTF8.self).lowercased()
        guard end < bytes.count, bytes[end] == UInt8(ascii: ":") else {
            port = nil
            if end < bytes.count { return nil }
            return
        }
        let digits = bytes[(end + 1)...]
        guard digits.count <= 5, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        port = Int(String(decoding: digits, as: UTF8.self))
        if let port, port > 65535 { return nil }
    }

    private static func isOfAddress(_ byte: UInt8) -> Bool {
        Character(Unicode.Scalar(byte)).isHexDigit || byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".")
    }

    private static func isOfName(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "-._~%!$&'()*+,;=".utf8.contains(byte)
        }
    }
}
