internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Media
internal import NIOCore

/// The names of the video formats that this machine can write.
enum VideoFormatNames {
    static var available: [String] { VideoFormat.allCases.filter(\.isAvailable).compactMap(\.fileExtension) }
}

/// The server's description for programs: OpenAPI 3.1.
struct OpenAPI {
    let text: String

    var response: Response { .text(text, "application/json") }

    /// - Parameter core: the server
    /// - Returns: the document
    /// - Throws: an error of `JSONSerialization`
    static func document(_ core: ServerCore) throws -> OpenAPI {
        var paths: [String: [String: Any]] = [:]
        for route in RouteTable.standard.routes {
            paths[route.path, default: [:]][route.method.rawValue.lowercased()] = operation(route)
        }
        let document: [String: Any] = [
            "openapi": "3.1.0",
            "info": ["title": "VisualGen", "version": ServerVersion.current, "description": core.model.name],
            "paths": paths,
            "components": [
                "schemas": schemas(core.limits, makesBoth: core.model.makesVideos && core.model.imageDefaults != nil),
                "securitySchemes": ["key": ["type": "http", "scheme": "bearer"]],
            ],
            "security": core.keys == nil ? [] : [["key": [String]()]],
        ]
        let data = try JSONSerialization.data(
            withJSONObject: document, options: [.sortedKeys, .withoutEscapingSlashes])
        return OpenAPI(text: String(decoding: data, as: UTF8.self))
    }

    private static func operation(_ route: RouteTable.Route) -> [String: Any] {
        var operation: [String: Any] = [
            "summary": route.summary,
            "responses": [
                "2XX": ["description": "Done."], "default": ["description": "An error.", "content": json("Error")],
            ],
        ]
        let parameters = parameters(route)
        if !parameters.isEmpty { operation["parameters"] = parameters }
        guard route.method == .post else { return operation }
        let schema = route.path.hasPrefix("/v1/images") ? "ImageRequest" : "VideoRequest"
        var content = json(schema)
        if route.path != "/v1/images/generations" { content["multipart/form-data"] = content["application/json"] }
        operation["requestBody"] = ["required": true, "content": content] as [String: Any]
        return operation
    }

    /// What the path, the query and the headers say.
    private static func parameters(_ route: RouteTable.Route) -> [[String: Any]] {
        func parameter(_ name: String, _ place: String, _ schema: [String: Any]) -> [String: Any] {
            ["name": name, "in": place, "required": place == "path", "schema": schema]
        }
        func words(_ words: String...) -> [String: Any] { ["type": "string", "enum": words] }
        let (text, number): ([String: Any], [String: Any]) = (["type": "string"], ["type": "integer", "minimum": 0])
        var parameters = route.path.split(separator: "/").filter { $0.hasPrefix("{") }.map { part in
            parameter(String(part.dropFirst().dropLast()), "path", part == "{id}" ? text : number)
        }
        switch (route.method, route.path) {
        case (.post, "/v1/images/generations"), (.post, "/v1/images/edits"):
            parameters += [parameter("Prefer", "header", words("respond-async"))]
        case (.get, "/v1/images/{id}/content"):
            parameters += [parameter("i", "query", number), parameter("variant", "query", words("image", "thumbnail"))]
        case (.get, "/v1/videos/{id}/content"):
            parameters += [parameter("variant", "query", words("video", "thumbnail", "spritesheet"))]
        case (.get, "/v1/videos"), (.get, "/v1/jobs"):
            parameters += [
                parameter("after", "query", text), parameter("order", "query", words("asc", "desc")),
                parameter("limit", "query", ["type": "integer", "minimum": 1, "maximum": 100]),
            ]
        default: break
        }
        return parameters
    }

    private static func json(_ schema: String) -> [String: Any] {
        ["application/json": ["schema": ["$ref": "#/components/schemas/\(schema)"]]]
    }

    /// - Parameters:
    ///   - limits: how much is taken
    ///   - makesBoth: whether images come of a model of videos
    private static func schemas(_ limits: ServerLimits, makesBoth: Bool) -> [String: Any] {
        func text(_ words: [String] = []) -> [String: Any] {
            words.isEmpty ? ["type": "string"] : ["type": "string", "enum": words]
        }
        func integer(_ range: ClosedRange<Int>) -> [String: Any] {
            ["type": "integer", "minimum": range.lowerBound, "maximum": range.upperBound]
        }
        let common: [String: [String: Any]] = [
            "prompt": ["type": "string", "maxLength": limits.promptCharacters], "negative_prompt": text(),
            "model": text(), "user": text(), "size": ["type": "string", "pattern": "^(auto|\\d+x\\d+)$"],
            "width": integer(1...1_000_000), "height": integer(1...1_000_000), "seed": integer(0...Int.max),
            "num_inference_steps": integer(1...1000), "guidance_scale": ["type": "number", "minimum": 0],
            "max_sequence_length": integer(1...1_000_000), "extra_params": ["type": "object"],
            "priority": text(Priority.allCases.map(\.name)),
        ]
        var images: [String: [String: Any]] = [
            "n": integer(1...limits.images), "response_format": text(["url", "b64_json"]),
            "output_format": text(["png", "jpeg", "webp"]), "output_compression": integer(0...100),
            "stream": ["type": "boolean"], "partial_images": integer(0...3), "image": ["type": ["string", "array"]],
        ]
        if makesBoth { images["num_frames"] = integer(1...1) }
        let videos: [String: [String: Any]] = [
            "num_frames": integer(1...limits.frames), "seconds": ["type": ["string", "number"]],
            "fps": ["type": "number"], "format": text(["auto"] + VideoFormatNames.available),
            "input_reference": ["type": ["string", "object"]],
            "image_reference": ["type": ["string", "object", "array"]],
        ]
        func request(_ own: [String: [String: Any]]) -> [String: Any] {
            [
                "type": "object", "required": ["prompt"], "additionalProperties": false,
                "properties": common.merging(own) { $1 },
            ]
        }
        let error: [String: Any] = [
            "type": "object",
            "properties": ["message": text(), "type": text(), "param": ["type": ["string", "null"]], "code": text()],
        ]
        return [
            "ImageRequest": request(images), "VideoRequest": request(videos),
            "Error": ["type": "object", "properties": ["error": error]],
        ]
    }
}
