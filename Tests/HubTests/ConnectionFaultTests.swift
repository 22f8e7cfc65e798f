internal import AsyncHTTPClient
internal import Foundation
internal import Hub
internal import NIOCore
internal import NIOPosix
internal import Testing

/// Faults of connections are told in our words, whatever the libraries below call them.
@Suite struct ConnectionFaultTests {
    private let leaks = ["errno", "error set", "HTTPClient", "NIO", "Error", "(", "_", "::"]

    private func expectSentence(_ error: any Error, _ sentence: String) {
        #expect(ConnectionFault(error).description == sentence, "\(error)")
    }

    @Test func tellsWhatTheSystemRefuses() {
        for (number, sentence) in [
            (ECONNREFUSED, "it was refused"), (ECONNRESET, "the other end closed it"),
            (ETIMEDOUT, "it did not answer in time"), (ENETUNREACH, "no way to it was found"),
            (EMFILE, "Too many open files"),
        ] {
            expectSentence(IOError(errnoCode: number, reason: "connection reset (error set)"), sentence)
        }
    }

    @Test func tellsWhatTheClientGivesUp() {
        for error in [HTTPClientError.connectTimeout, .readTimeout, .deadlineExceeded, .tlsHandshakeTimeout] {
            expectSentence(error, "it did not answer in time")
        }
        expectSentence(HTTPClientError.remoteConnectionClosed, "the other end closed it")
        expectSentence(HTTPClientError.invalidProxyResponse, "what came is not HTTP, or not an answer")
        expectSentence(ChannelError.connectTimeout(.seconds(1)), "it did not answer in time")
        expectSentence(ChannelError.ioOnClosedChannel, "the other end closed it")
        struct Other: Error {}
        expectSentence(Other(), "it broke off")
    }

    /// Where nobody listens.
    @Test(arguments: ["http://127.0.0.1:9", "http://[::1]:9"])
    func aHubThatIsNotThereIsOneSentence(_ address: String) async throws {
        var settings = try HubSettings(environment: ["HF_ENDPOINT": address, "HF_HOME": "/nowhere"])
        (settings.patience.attempts, settings.patience.connect) = (1, .seconds(5))
        let error = await #expect(throws: HubError.self) { try await Hub(settings).folder(of: .tiny()) }
        let sentence = try #require(error).description
        #expect(sentence.hasPrefix("the connection to "))
        for leak in leaks where leak != "::" || !address.contains("::") {
            #expect(!sentence.contains(leak), "\(sentence)")
        }
    }
}
