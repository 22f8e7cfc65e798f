internal import Glibc

/// A numeric address, of version 4 or 6.
package struct InternetAddress: Sendable, Equatable {
    /// 4 or 16 of them, the most significant first.
    package let bytes: [UInt8]

    /// - Parameter text: such as `192.0.2.1` or `2001:db8::1`; nil for anything else, names and other notations included
    package init?(_ text: String) {
        for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: count)
            if inet_pton(family, text, &bytes) == 1 {
                self.bytes = bytes
                return
            }
        }
        return nil
    }

    /// What is not for machines of the public internet: this machine, private networks, links, groups, reserved ranges and
    /// addresses that hold another address.
    // Source: IANA's registries of special-purpose addresses, RFC 6890.
    private static let special = [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/3", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
    ]

    /// All that is given out to machines of version 6.
    private static let given = "2000::/3"

    /// Whether a machine of the public internet may have it.
    package var isPublic: Bool {
        !Self.special.contains { lies(in: $0) } && (bytes.count == 4 || lies(in: Self.given))
    }

    /// - Parameter block: such as `10.0.0.0/8`
    /// - Returns: whether the address is in it
    private func lies(in block: String) -> Bool {
        let parts = block.split(separator: "/")
        guard parts.count == 2, let start = InternetAddress(String(parts[0])), let length = Int(parts[1]) else {
            return false
        }
        guard start.bytes.count == bytes.count else { return false }
        return (0..<length).allSatisfy { bit in
            (start.bytes[bit / 8] ^ bytes[bit / 8]) & (0x80 >> UInt8(bit % 8)) == 0
        }
    }
}

extension InternetAddress {
    /// The addresses that the system finds for a name.
    ///
    /// - Parameter name: a host's
    /// - Returns: in numeric notation; none if there is no such host
    static func lookUp(_ name: String) -> [String] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var first: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(name, nil, &hints, &first) == 0 else { return [] }
        defer { freeaddrinfo(first) }
        return sequence(first: first, next: { $0?.pointee.ai_next }).compactMap { entry in
            guard let entry = entry?.pointee else { return nil }
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            guard
                getnameinfo(
                    entry.ai_addr, entry.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
            else { return nil }
            return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }
}
