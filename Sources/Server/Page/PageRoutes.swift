internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// The page at `/`, from files that are part of the program.
struct PageRoutes: Sendable {
    /// Nothing is loaded from elsewhere, and nothing in the page is run but its own script.
    private static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
        + "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

    /// Where its files are.
    static let paths = ["/", "/page.css", "/page.js", "/server.js", "/form.js", "/jobs.js", "/view.js"]

    func add(to router: some RouterMethods<APIContext>) {
        let files: [(path: RouterPath, bytes: [UInt8], mediaType: String)] = [
            ("/", PackageResources.index_html, "text/html; charset=utf-8"),
            ("/page.css", PackageResources.page_css, "text/css; charset=utf-8"),
        ]
        let scripts: [(RouterPath, [UInt8])] = [
            ("/page.js", PackageResources.page_js), ("/server.js", PackageResources.server_js),
            ("/form.js", PackageResources.form_js), ("/jobs.js", PackageResources.jobs_js),
            ("/view.js", PackageResources.view_js),
        ]
        for (path, bytes, mediaType) in files + scripts.map({ ($0.0, $0.1, "text/javascript; charset=utf-8") }) {
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
