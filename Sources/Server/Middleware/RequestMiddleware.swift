internal import Diffusion
internal import HTTPTypes
internal import Hummingbird
internal import Logging

/// Gives every request a name, turns every error into OpenAI's object, and takes note of what was answered.
struct RequestMiddleware: RouterMiddleware {
    let metrics: ServerMetrics
    let routes: RouteTable
    let log: Logger

    func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        var response: Response
        do {
            response = try await next(request, context)
        } catch {
            response = try respond(to: error, request, context)
        }
        response.headers[HeaderNames.requestID] = context.requestID
        let seconds = (ContinuousClock.now - start).seconds
        let route = context.endpointPath ?? "unknown"
        metrics.answered(
            route, method: request.method.rawValue, status: Int(response.status.code), seconds: seconds)
        log.info(
            "answered",
            metadata: [
                "request": "\(context.requestID)", "method": "\(request.method.rawValue)", "route": "\(route)",
                "status": "\(response.status.code)", "milliseconds": "\(Int(seconds * 1000))",
                "key": "\(context.principal.owner)",
            ])
        return response
    }

    private func respond(to error: any Error, _ request: Request, _ context: APIContext) throws -> Response {
        var cause = APIError(error)
        if (error as? HTTPError)?.status == .notFound { cause = routes.error(request.method, request.uri.path) }
        if cause == .bug {
            log.error("a request failed", metadata: ["request": "\(context.requestID)", "error": "\(error.cause)"])
        }
        var response = try cause.response(from: request, context: context)
        if cause.status == .methodNotAllowed {
            response.headers[.allow] = routes.methods(for: request.uri.path).joined(separator: ", ")
        }
        if APIError(ofConnection: error) != nil {
            log.debug("a client's fault", metadata: ["request": "\(context.requestID)", "error": "\(cause)"])
            // What comes after it cannot be told apart from it.
            response.headers[.connection] = "close"
        }
        // Asking again would not help: clients would, after any status from 500 on.
        if cause.status.code >= 500, cause.retryAfter == nil { response.headers[HeaderNames.shouldRetry] = "false" }
        return response
    }
}
