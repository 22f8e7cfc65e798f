internal import AsyncHTTPClient
internal import Files
internal import Foundation
internal import NIOCore
internal import NIOHTTP1

/// Fetches the images that requests name by their URLs, from hosts that the server's owner allows and no others.
///
/// No redirect is followed, and the connection goes to an address that was looked at before: never to this machine, its
/// networks or others that are not public, whatever a name server says.
package struct ImageFetcher: Sendable {
    /// The addresses of a host.
    package typealias Lookup = @Sendable (String) async throws -> [String]

    private let hosts: Set<String>
    private let limits: ServerLimits
    private let lookUp: Lookup
    private let isAllowed: @Sendable (String) -> Bool

    /// - Parameters:
    ///   - hosts: those that may be asked, each with its port unless that is the scheme's own
    ///   - limits: how large images may be, how many, and how long they may take
    ///   - lookUp: finds a host's addresses
    ///   - isAllowed: which addresses may be asked
    package init(
        hosts: Set<String>, _ limits: ServerLimits,
        lookUp: @escaping Lookup = { name in try await Blocking.run { InternetAddress.lookUp(name) } },
        isAllowed: @escaping @Sendable (String) -> Bool = { InternetAddress($0)?.isPublic ?? false }
    ) {
        (self.hosts, self.limits, self.lookUp, self.isAllowed) = (hosts, limits, lookUp, isAllowed)
    }

    /// Whether it may ask anybody.
    var isInUse: Bool { !hosts.isEmpty }

    /// What lies at the URLs in a field's value, as data URLs in their places; all other URLs stay as they are.
    ///
    /// - Parameters:
    ///   - value: a text, a list, or an object with `content` or `image_url`
    ///   - field: the field, for messages
    ///   - budget: how much may still be fetched for the request
    /// - Returns: the value without those URLs
    /// - Throws: ``APIError``, `CancellationError`
    func fetched(_ value: JSON, field: String, _ budget: inout Budget) async throws -> JSON {
        switch value {
        case .string(let text):
            guard let url = ImageURL(text, on: hosts) else { return value }
            return .string("data:;base64,\(Data(try await fetch(url, field: field, &budget)).base64EncodedString())")
        case .array(let items):
            var results: [JSON] = []
            for item in items { results.append(try await fetched(item, field: field, &budget)) }
            return .array(results)
        case .object(let members):
            var results: [JSON.Member] = []
            for member in members {
                let holdsImage = member.key == "content" || member.key == "image_url"
                results.append(
                    JSON.Member(
                        key: member.key,
                        value: holdsImage ? try await fetched(member.value, field: field, &budget) : member.value))
            }
            return .object(results)
        default: return value
        }
    }

    /// How much may be fetched for a request that begins now.
    var budget: Budget { Budget(limits) }

    /// How much may be fetched for one request.
    struct Budget {
        fileprivate var images: Int
        fileprivate var bytes: Int
        fileprivate let deadline: NIODeadline
        /// The memory that what is fetched takes.
        var share: RequestMemory.Share?

        fileprivate init(_ limits: ServerLimits) {
            (images, bytes) = (limits.inputImages, limits.bodyBytes)
            deadline = .now() + .seconds(Int64(limits.fetchSeconds))
        }
    }

    private func fetch(_ url: ImageURL, field: String, _ budget: inout Budget) async throws -> [UInt8] {
        guard budget.images > 0 else {
            throw APIError.invalid("\(field) has more than \(limits.inputImages) images", param: field)
        }
        let addresses = try await lookUp(url.host)
        // All of them: a host that is also somewhere inside is not to be trusted.
        guard let address = addresses.first, addresses.allSatisfy(isAllowed) else {
            throw APIError.invalid(
                "\(field) cannot be fetched: \(url.host) has no address on the public internet", param: field,
                code: "url_not_allowed")
        }
        let bytes: [UInt8]
        do {
            bytes = try await Self.get(url, at: address, budget)
        } catch let error as CancellationError {
            throw error
        } catch let error as APIError {
            throw error
        } catch let error as Refusal {
            throw APIError.invalid("\(field) cannot be fetched: \(error)", param: field, code: "url_not_fetched")
        } catch {
            let isLate = (error as? HTTPClientError) == .deadlineExceeded
            let reason = isLate ? "it did not answer within \(limits.fetchSeconds) s" : error.cause
            throw APIError.invalid(
                "\(field) cannot be fetched from \(url.host): \(reason)", param: field, code: "url_not_fetched")
        }
        budget.images -= 1
        budget.bytes -= bytes.count
        return bytes
    }

    /// Why an answer is no image.
    private enum Refusal: Error, CustomStringConvertible {
        case status(UInt)
        case tooLarge(Int)

        var description: String {
            switch self {
            case .status(let code): "its host answered with status \(code)"
            case .tooLarge(let limit): "there are more than \(limit) bytes"
            }
        }
    }

    private static func get(_ url: ImageURL, at address: String, _ budget: Budget) async throws -> [UInt8] {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: .seconds(5), read: .seconds(5)),
            decompression: .disabled)
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        configuration.dnsOverride = [url.host: address]
        return try await HTTPClient.withHTTPClient(configuration: configuration) { client in
            let response = try await client.execute(HTTPClientRequest(url: url.text), deadline: budget.deadline)
            guard response.status == .ok else { throw Refusal.status(response.status.code) }
            var bytes: [UInt8] = []
            for try await part in response.body {
                // As bytes, as base64, and as bytes again.
                try budget.share?.grow(by: 3 * part.readableBytes)
                bytes += part.readableBytesView
                if bytes.count > budget.bytes { throw Refusal.tooLarge(budget.bytes) }
                // The client's own deadline ends with the header lines.
                if budget.deadline < .now() { throw HTTPClientError.deadlineExceeded }
            }
            return bytes
        }
    }
}
