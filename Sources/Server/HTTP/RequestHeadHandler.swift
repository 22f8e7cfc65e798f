internal import HTTPTypes
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypes

/// Refuses request targets and long header values that are not ASCII, before a router or anybody else compares them.
///
/// HTTP has no such targets; comparing one of 30 KB takes a fifth of a second, and there are many routes.
final class RequestHeadHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart

    /// Of a header value that may have other characters, in bytes.
    private static let valueLimit = 1024

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(let head) = unwrapInboundIn(data), !Self.isCheap(head) else {
            return context.fireChannelRead(data)
        }
        context.fireErrorCaught(HTTPParserError.invalidURL)
    }

    private static func isCheap(_ head: HTTPRequest) -> Bool {
        isASCII(head.path ?? "")
            && head.headerFields.allSatisfy { $0.value.utf8.count <= valueLimit || isASCII($0.value) }
    }

    private static func isASCII(_ text: String) -> Bool { text.utf8.allSatisfy { $0 < 0x80 } }
}
