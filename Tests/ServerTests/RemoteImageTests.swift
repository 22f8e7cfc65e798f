import Diffusion
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Media
import NIOCore
import Server
import Synchronization
import TestKit
import Testing

@Suite struct RemoteImageTests {
    /// Another machine with images; here it is on loopback.
    private final class Host: Sendable {
        let asked = Mutex<[String]>([])

        func run(_ body: @Sendable (Int) async throws -> Void) async throws {
            let image = try Image(width: 20, height: 10, pixels: [UInt8](repeating: 9, count: 600)).encoded(.png())
            let router = Router()
            router.get("/**") { request, _ in
                self.asked.withLock { $0.append(request.head.authority ?? "") }
                switch request.uri.path {
                case "/image.png":
                    return Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(bytes: image)))
                case "/elsewhere": return Response(status: .found, headers: [.location: "/image.png"])
                case "/large":
                    return Response(
                        status: .ok,
                        body: ResponseBody { writer in
                            while true { try await writer.write(ByteBuffer(repeating: 65, count: 1 << 16)) }
                        })
                case "/slow":
                    return Response(
                        status: .ok,
                        body: ResponseBody { writer in
                            while true {
                                try await writer.write(ByteBuffer(string: "a"))
                                try await Task.sleep(for: .milliseconds(50))
                            }
                        })
                default: return Response(status: .notFound)
                }
            }
            try await Application(router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)))
                .test(.live) { client in try await body(client.port ?? 0) }
        }
    }

    /// What a server says that may ask `images.example`, which a name server says is on loopback.
    private func answer(
        to path: String, of host: Host, field: String = "image", isAllowed: Bool = true
    ) async throws -> Client.Answer {
        let result = Mutex<Client.Answer?>(nil)
        try await host.run { port in
            var limits = ServerLimits()
            (limits.bodyBytes, limits.fetchSeconds) = (1 << 20, path == "/slow" ? 2 : 60)
            let images =
                isAllowed
                ? ImageFetcher(
                    hosts: ["images.example:\(port)"], limits, lookUp: { _ in ["127.0.0.1"] },
                    isAllowed: { _ in true })
                : ImageFetcher(hosts: ["images.example:\(port)"], limits, lookUp: { _ in ["127.0.0.1"] })
            let server = try await TestServer(images: images, { $0.takesImages = true })
            try await server.run { client in
                let body = #"{"prompt": "a", "image": ["http://Images.example:\#(port)\#(path)"]}"#
                let answer = try await client.post("/v1/images/edits", body)
                if answer.status == 200 {
                    #expect(server.worker.requests.first?.images.first?.pixels.shape.width == 20)
                } else {
                    #expect(server.worker.requests.isEmpty)
                }
                result.withLock { $0 = answer }
            }
        }
        return try #require(result.withLock { $0 })
    }

    @Test func fetchesAnImageFromAHostThatIsAllowed() async throws {
        let host = Host()
        #expect(try await answer(to: "/image.png?size=1", of: host).status == 200)
        let asked = host.asked.withLock { $0 }
        #expect(asked.count == 1 && asked[0].hasPrefix("images.example:"))
    }

    @Test(arguments: [
        ("/elsewhere", "status 302"), ("/nothing", "status 404"), ("/large", "more than 1048576 bytes"),
        ("/slow", "within 2 s"),
    ])
    func refusesWhatIsNoImageInTime(_ path: String, _ reason: String) async throws {
        let host = Host()
        let answer = try await answer(to: path, of: host)
        #expect(answer.status == 400 && answer.param == "image" && answer.code == "url_not_fetched", "\(answer.text)")
        #expect(answer.message.contains(reason), "\(answer.message)")
        #expect(host.asked.withLock { $0.count } == 1)
    }

    /// Who goes away while an image is fetched, or anything else is done before the job is accepted, ends that.
    @Test func stopsWhenTheClientGoesAway() async throws {
        let host = Host()
        try await host.run { port in
            var limits = ServerLimits()
            limits.fetchSeconds = 3600
            let images = ImageFetcher(
                hosts: ["images.example:\(port)"], limits, lookUp: { _ in ["127.0.0.1"] }, isAllowed: { _ in true })
            let server = try await TestServer(images: images, { $0.takesImages = true })
            try await server.run { client in
                let body = #"{"prompt": "a", "image": ["http://images.example:\#(port)/slow"]}"#
                do {
                    let raw = try RawClient(port: client.port)
                    raw.send(
                        "POST /v1/images/edits HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
                    #expect(try await server.wait { host.asked.withLock { $0.count } == 1 })
                    #expect(server.core.memory.bytes > 0)
                    withExtendedLifetime(raw) {}
                }
                #expect(try await server.wait { server.core.memory.bytes == 0 })
                #expect(server.worker.requests.isEmpty)
            }
        }
    }

    /// A host where nobody listens is told in a sentence, without a library's words.
    @Test func saysThatNobodyListens() async throws {
        // The first port, where nothing listens.
        let images = ImageFetcher(
            hosts: ["images.example:1"], ServerLimits(), lookUp: { _ in ["127.0.0.1"] }, isAllowed: { _ in true })
        let server = try await TestServer(images: images, { $0.takesImages = true })
        try await server.run { client in
            let body = #"{"prompt": "a", "image": "http://images.example:1/a.png"}"#
            let answer = try await client.post("/v1/images/edits", body)
            #expect(answer.status == 400 && answer.param == "image" && answer.code == "url_not_fetched")
            #expect(answer.message == "image cannot be fetched from images.example: Connection refused")
        }
    }

    /// Whatever name servers say, nobody inside is asked.
    @Test func asksNobodyInside() async throws {
        let host = Host()
        let answer = try await answer(to: "/image.png", of: host, isAllowed: false)
        #expect(answer.status == 400 && answer.param == "image" && answer.code == "url_not_allowed", "\(answer.text)")
        #expect(host.asked.withLock { $0.isEmpty })
    }

    @Test(arguments: [["93.184.215.14", "127.0.0.1"], ["10.0.0.1"], [], ["::ffff:127.0.0.1"], ["localhost"]])
    func refusesAHostOfWhichAnyAddressIsInside(_ addresses: [String]) async throws {
        let images = ImageFetcher(hosts: ["images.example"], ServerLimits(), lookUp: { _ in addresses })
        let server = try await TestServer(images: images, { $0.takesImages = true })
        try await server.run { client in
            for field in [#""image": "https://images.example/a.png""#, #""image": ["http://images.example"]"#] {
                let answer = try await client.post("/v1/images/edits", #"{"prompt": "a", \#(field)}"#)
                #expect(answer.status == 400 && answer.code == "url_not_allowed", "\(answer.text)")
                #expect(answer.message.contains("no address on the public internet"))
            }
        }
    }

    @Test func fetchesForEveryFieldOfVideos() async throws {
        let asked = Mutex<[String]>([])
        let images = ImageFetcher(
            hosts: ["images.example"], ServerLimits(),
            lookUp: { name in
                asked.withLock { $0.append(name) }
                return []
            })
        let server = try await TestServer(images: images, { ($0.makesVideos, $0.takesImages) = (true, true) })
        let url = "https://images.example/a.png"
        try await server.run { client in
            for field in [
                #""input_reference": "\#(url)""#, #""input_reference": {"image_url": "\#(url)"}"#,
                #""image_reference": [{"content": "\#(url)", "role": "last_frame"}]"#,
            ] {
                let answer = try await client.post("/v1/videos", #"{"prompt": "a", \#(field)}"#)
                #expect(answer.status == 400 && answer.code == "url_not_allowed", "\(answer.text)")
            }
            let form = try await client.post(
                "/v1/videos", form: [("prompt", [97]), ("input_reference[image_url]", Array(url.utf8))])
            #expect(form.status == 400 && form.param == "input_reference", "\(form.text)")
        }
        #expect(asked.withLock { $0 } == Array(repeating: "images.example", count: 4))
    }
}

@Suite struct ImageURLTests {
    private static let hosts: Set = ["images.example", "other.example:8443", "192.0.2.7"]

    @Test(arguments: [
        ("https://images.example/a.png", "https://images.example/a.png"),
        ("HTTP://IMAGES.example:80/a%20b?c=d&e#f", "http://images.example/a%20b?c=d&e"),
        ("https://other.example:8443", "https://other.example:8443"), ("http://192.0.2.7/x", "http://192.0.2.7/x"),
    ])
    func takesWhatIsListed(_ text: String, _ whole: String) throws {
        #expect(try #require(ImageURL(text, on: Self.hosts)).text == whole)
    }

    /// Anything that is not exactly a listed host, however it is written.
    @Test(arguments: [
        "http://127.0.0.1/", "http://127.1/", "http://127.0.0.1:80/", "http://0/", "http://0.0.0.0/",
        "http://2130706433/", "http://0x7f000001/", "http://0x7f.0.0.1/", "http://0177.0.0.1/", "http://017700000001/",
        "http://127.000.000.001/", "http://localhost/", "http://localhost./", "http://LOCALHOST/", "http://[::1]/",
        "http://[::]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/", "http://[fe80::1%25lo]/", "http://[fd00::1]/", "http://169.254.169.254/latest",
        "http://metadata.google.internal/", "http://10.0.0.1/", "http://192.168.0.1/", "http://172.16.0.1/",
        "http://images.example@127.0.0.1/", "http://user@images.example/", "http://user:pw@images.example/",
        "http://:@images.example/", "http://@images.example/", "http://127.0.0.1#@images.example/",
        "http://127.0.0.1?@images.example/", "http://127.0.0.1\\@images.example/",
        "http://images.example\\@127.0.0.1/", "http:\\\\images.example/", "http:/\\images.example/",
        "http://images.example\\.127.0.0.1/", "http://images.example.127.0.0.1.nip.io/",
        "http://images.example.evil.example/", "http://evilimages.example/", "http://a.images.example/",
        "http://images.example./", "http://images.example:8080/", "http://images.example:443/",
        "https://images.example:80/", "http://images.example:0/", "http://images.example:99999/",
        "http://images.example:-1/", "http://images.example:80:80/", "http://images.example:8o/",
        "https://other.example/", "http://other.example:8443.evil.example/", "http://images%2eexample/",
        "http://images.example%00.evil.example/", "http://images.example%2f@evil.example/",
        "http://images.example%0d%0ahost:x/", "http://images.example /", " http://images.example/",
        "http://images.example/\n", "http://images.example/\r\nhost: x", "http://images.example/\t",
        "http://images.example/\u{0}", "http://images。example/", "http://ｐictures.example/",
        "http://рictures.example/", "http:///images.example/", "http:images.example/", "http://", "http:", "",
        "//images.example/", "images.example/a.png", "https:/images.example/", "file:///etc/passwd",
        "file://images.example/etc/passwd", "gopher://images.example/", "ftp://images.example/",
        "dict://images.example/", "ldap://images.example/", "jar:http://images.example/!/", "data:,x",
        "unix:///run/docker.sock", "http+unix://images.example/", "ws://images.example/", "javascript:alert(1)",
        "view-source:http://images.example/", "url:http://images.example/", "http://[images.example]/",
    ])
    func takesNothingElse(_ text: String) {
        #expect(ImageURL(text, on: Self.hosts) == nil)
    }

    @Test(arguments: [
        "0.0.0.0", "0.1.2.3", "10.0.0.0", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.0.1",
        "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1",
        "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1",
        "255.255.255.255", "::", "::1", "::ffff:8.8.8.8", "::8.8.8.8", "64:ff9b::808:808", "64:ff9b:1::1", "100::1",
        "2001::1", "2001:1ff::1", "2001:db8::1", "2002:808:808::1", "3fff::1", "4000::1", "5f00::1", "fc00::1",
        "fd00::1",
        "fe80::1", "fec0::1", "ff02::1",
    ])
    func knowsWhatIsInside(_ text: String) throws {
        #expect(try !#require(InternetAddress(text)).isPublic)
    }

    @Test(arguments: [
        "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.1.1.1", "128.0.0.1", "172.15.0.1",
        "172.32.0.1", "192.0.1.1", "192.167.0.1", "198.17.0.1", "198.20.0.1", "223.255.255.255", "2001:200::1",
        "2001:4860:4860::8888", "2003::1", "2606:4700::1111", "3ffe::1",
    ])
    func knowsWhatIsPublic(_ text: String) throws {
        #expect(try #require(InternetAddress(text)).isPublic)
    }

    @Test(arguments: [
        "", "localhost", "127.1", "0x7f.0.0.1", "2130706433", "1.2.3.4 ", "fe80::1%lo", "1.2.3.4.5", "[::1]",
    ])
    func takesOnlyNumericAddresses(_ text: String) {
        #expect(InternetAddress(text) == nil)
    }
}
