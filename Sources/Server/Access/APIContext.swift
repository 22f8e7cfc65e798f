internal import Foundation
package import Hummingbird
internal import NIOCore

/// What the routes know of a request besides what it says.
package struct APIContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// The request's name in logs and in `x-request-id`.
    package let requestID = Identifier.new("req")
    /// Who asks.
    package var principal = Principal.anyone
    /// The client's connection.
    let channel: any Channel

    package init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }
}
