internal import Glibc

/// Where a server listens: what its owner calls a host, which may be several addresses.
package struct ListeningHost: Sendable, Equatable {
    /// The name or address in small letters, an address of version 6 without brackets.
    package let name: String

    /// - Parameter text: what the owner wrote
    package init(_ text: String) {
        let isBracketed = text.utf8.first == UInt8(ascii: "[") && text.utf8.last == UInt8(ascii: "]")
        name = (isBracketed ? String(text.dropFirst().dropLast()) : text).lowercased()
    }

    /// Whether nobody but this machine's users can reach it.
    package var isLocal: Bool { name == "localhost" || Self.isLoopback(name) }

    /// Whether it stands for every address of this machine.
    package var isWildcard: Bool { InternetAddress(name)?.bytes.allSatisfy { $0 == 0 } ?? false }

    /// What stands before the port in a URL and in a `Host` header.
    package var authority: String { Self.authority(of: name) }

    /// What stands before the port in a URL that a user of this machine can follow.
    package var reachableAuthority: String {
        isWildcard ? (name.utf8.contains(UInt8(ascii: ":")) ? "[::1]" : "127.0.0.1") : authority
    }

    /// Every address that the name means.
    ///
    /// `localhost` is this machine's own two, whatever its file of hosts says; one that reaches beyond is none of them.
    ///
    /// - Parameter lookUp: finds the addresses of a name
    /// - Returns: in numeric notation, each once; none for a name that nobody knows
    package func addresses(lookUp: (String) -> [String] = InternetAddress.lookUp) -> [String] {
        var addresses: [String] = []
        let found = name == "localhost" ? ["127.0.0.1", "::1"] + lookUp(name).filter(Self.isLoopback) : lookUp(name)
        for address in found where !addresses.contains(address) { addresses.append(address) }
        return addresses
    }

    /// An address as a URL has it.
    static func authority(of address: String) -> String {
        // A zone's percent sign is escaped in URLs.
        guard address.utf8.contains(UInt8(ascii: ":")) else { return address }
        return "[\(address.split(separator: "%", maxSplits: 1).joined(separator: "%25"))]"
    }

    private static func isLoopback(_ text: String) -> Bool {
        guard let bytes = InternetAddress(text)?.bytes else { return false }
        let none = [UInt8](repeating: 0, count: 10)
        // An address of version 4 within one of version 6 begins with two full bytes.
        if bytes.count == 4 { return bytes[0] == 127 }
        return bytes == none + [0, 0, 0, 0, 0, 1] || bytes.starts(with: none + [0xFF, 0xFF, 127])
    }
}
