internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// The page at `/`, from files that are part of the program.
struct PageRoutes: Sendable {
    /// Nothing is loaded from elsewhere, and nothing in the page is run but its own script.
    private static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
        + "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

    func add(to router: some RouterMethods<APIContext>) {
        let files: [(RouterPath, [UInt8], String)] = [
            ("/", PackageResources.index_html, "text/html; charset=utf-8"),
            ("/page.css", PackageResources.page_css, "text/css; charset=utf-8"),
            ("/page.js", PackageResources.page_js, "text/javascript; charset=utf-8"),
        ]
        for (path, bytes, mediaType) in files {
            router.get(path) { _, _ in
                var response = Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
                response.headers[.contentType] = mediaType
                response.headers[.cacheControl] = "no-cache"
                response.headers[HeaderNames.contentSecurityPolicy] = Self.policy
                response.headers[HeaderNames.contentTypeOptions] = "nosniff"
                response.headers[HeaderNames.referrerPolicy] = "no-referrer"
                return response
            }
        }
    }
}
