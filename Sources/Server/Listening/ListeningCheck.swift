internal import Glibc

/// Finds out whether a server could listen somewhere, before the model is loaded for it.
package struct ListeningCheck: Sendable {
    private let host: ListeningHost
    private let port: Int

    /// - Parameters:
    ///   - host: a name or an address
    ///   - port: 0 for any that is free
    package init(host: String, port: Int) { (self.host, self.port) = (ListeningHost(host), port) }

    /// Listens for a moment at each of the host's addresses.
    ///
    /// - Throws: ``ServerError/cannotListen(host:port:reason:)`` if one is taken, or none can be had
    package func run() throws(ServerError) {
        var missing = ServerError.noHost(host.name, port: port)
        var isListening = false
        for address in host.addresses() {
            guard let number = Self.fault(at: address, port) else {
                isListening = true
                continue
            }
            missing = .cannotListen(at: address, of: host.name, port: port, number: number)
            guard number == EADDRNOTAVAIL || number == EAFNOSUPPORT else { throw missing }
        }
        if !isListening { throw missing }
    }

    /// - Returns: the system's number of what is wrong, or nil
    private static func fault(at address: String, _ port: Int) -> Int32? {
        var wanted = addrinfo()
        wanted.ai_socktype = Int32(SOCK_STREAM.rawValue)
        wanted.ai_flags = AI_NUMERICHOST | AI_PASSIVE
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(address, "\(port)", &wanted, &found) == 0, let place = found?.pointee else {
            return EADDRNOTAVAIL
        }
        defer { freeaddrinfo(found) }
        let socket = socket(place.ai_family, place.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), place.ai_protocol)
        guard socket >= 0 else { return errno }
        defer { close(socket) }
        var yes: Int32 = 1
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        return bind(socket, place.ai_addr, place.ai_addrlen) == 0 && listen(socket, 1) == 0 ? nil : errno
    }
}

extension ServerError {
    /// - Parameters:
    ///   - host: what the owner calls it
    ///   - port: the port that was asked for
    /// - Returns: that nobody knows the host
    static func noHost(_ host: String, port: Int) -> ServerError {
        .cannotListen(host: host, port: port, reason: "there is no host of that name")
    }

    /// - Parameters:
    ///   - address: one of the host's
    ///   - host: what the owner calls it
    ///   - port: the port that was asked for
    ///   - number: the system's for what is wrong
    /// - Returns: the same for a person, with the address where the host has another name
    static func cannotListen(at address: String, of host: String, port: Int, number: Int32) -> ServerError {
        let reason = number == EADDRINUSE ? "another program listens there" : String(cString: strerror(number))
        let place = "\(ListeningHost.authority(of: address)):\(port)"
        return .cannotListen(host: host, port: port, reason: host == address ? reason : "\(place): \(reason)")
    }
}
