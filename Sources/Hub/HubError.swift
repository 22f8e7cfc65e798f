package import Files

/// Why a model of the hub does not lie in a local folder.
package enum HubError: BlamedError, Equatable {
    case invalidModel(String, String)
    case invalidRevision(String)
    case invalidEndpoint
    /// The variable or the file that the token was read from.
    case invalidToken(String)
    case invalidSeconds(variable: String, found: String)
    case invalidHeader(variable: String)
    /// What it holds is not shown: a password may be in it.
    case invalidProxy(variable: String)
    /// The cache lacks a file, or the whole snapshot where that is nil, and a variable forbids to ask the hub.
    case offline(HubModel, missing: String?, variable: String = "HF_HUB_OFFLINE")
    case unreachable(host: String, reason: String)
    case status(Int, host: String)
    case badRedirect(host: String)
    case unauthorized(HubModel, withToken: Bool)
    case gated(HubModel)
    case notFound(HubModel)
    case revisionNotFound(HubModel)
    case fileNotFound(HubModel, file: String)
    case listing(HubModel, String)
    case unsafeName(String)
    case wrongSize(file: String, expected: Int, found: Int)
    case wrongHash(file: String)
    case modelIndex(HubModel, String)
    case shardIndex(file: String, String)
    case noSafetensors(HubModel, component: String, found: [String])
    case noPipeline(HubModel, found: [String])
    /// The LoRA file's name, or nil for any at the root.
    case noLoRA(HubModel, file: String?)
    case severalLoRAs(HubModel, found: [String])
    case diskFull(folder: String, needed: Int, available: Int)
    case file(FileError)
}

extension HubError: CustomStringConvertible {
    package var blame: Blame {
        switch self {
        case .unreachable, .status, .badRedirect: .unavailable
        default: .model
        }
    }

    package var description: String {
        switch self {
        case .invalidModel(let id, let fault): "\"\(id)\" is not a model's id on the hub: \(fault)"
        case .invalidRevision(let revision): "\"\(revision)\" cannot be a revision on the hub"
        case .invalidEndpoint: "HF_ENDPOINT is not an http or https address with a host and without a user"
        case .invalidToken(let source): "the hub token in \(source) holds characters that no token has"
        case .invalidSeconds(let variable, let found):
            "\(variable) is \(found); it must be a whole number of seconds, at most 1000000"
        case .invalidProxy(let variable):
            "\(variable) is not the address of an http or socks5 proxy (one with a password must be http)"
        case .invalidHeader(let variable): "\(variable) holds characters that no header has"
        case .offline(let model, let file?, let variable):
            "\(variable) is set and the cache lacks \(file) of \(model)"
        case .offline(let model, nil, let variable): "\(variable) is set and the cache has no snapshot of \(model)"
        case .unreachable(let host, let reason): "the connection to \(host) failed: \(reason)"
        case .status(let status, let host): "\(host) answered with status \(status)"
        case .badRedirect(let host): "\(host) redirects to nowhere, in circles, or from https to another scheme"
        case .unauthorized, .gated, .notFound, .revisionNotFound, .fileNotFound: refusal
        case .listing(let model, let fault): "the hub's listing of \(model) cannot be used: \(fault)"
        case .unsafeName(let name): "the hub names a file that could leave its folder: \(name.debugDescription)"
        case .wrongSize(let file, let expected, let found):
            "\(file) should have \(expected) bytes, the hub sent \(found)"
        case .wrongHash(let file): "\(file) was downloaded twice and does not have the hash that the hub gives for it"
        case .modelIndex(let model, let fault): "model_index.json of \(model) cannot be used: \(fault)"
        case .shardIndex(let file, let fault): "\(file) cannot be used: \(fault)"
        case .noSafetensors(let model, let component, let found):
            "\(component) of \(model) has no safetensors weights under the usual names, only \(Self.list(found))"
        case .noPipeline(let model, let found):
            "\(model) has neither model_index.json nor safetensors files at its root alone, only \(Self.list(found))"
        case .noLoRA(let model, let file?): "\(model) has no file \(file)"
        case .noLoRA(let model, nil): "\(model) has no safetensors file at its root that could be a LoRA"
        case .severalLoRAs(let model, let found):
            "\(model) has several files that could be the LoRA, \(Self.list(found)): name one as \(model.id)/\(found.first ?? "")"
        case .diskFull(let folder, let needed, let available):
            "\(folder) has room for \(available) bytes, the download needs \(needed)"
        case .file(let error): "\(error.path) \(error.fault)"
        }
    }

    private var refusal: String {
        switch self {
        case .unauthorized(let model, true): "the hub does not accept the token for \(model)"
        case .unauthorized(let model, _):
            "\(model) is not on the hub, or is private or gated and needs a token with access to it (HF_TOKEN)"
        case .gated(let model):
            "\(model) is gated: accept its terms on the hub and give a token with access to it (HF_TOKEN)"
        case .notFound(let model): "the hub has no model \(model)"
        case .revisionNotFound(let model): "the hub has \(model.id), but not its revision \(model.revision)"
        case .fileNotFound(let model, let file): "the hub lists \(file) of \(model), but does not have it"
        default: ""
        }
    }

    private static func list(_ names: [String]) -> String {
        if names.isEmpty { return "nothing" }
        return names.list(upTo: MessageLimit.items)
    }
}

extension HubError {
    /// Whether the bytes that came are not the file's.
    var isCorruption: Bool {
        switch self {
        case .wrongHash, .wrongSize: true
        default: false
        }
    }

    /// Whether a whole snapshot in the cache may stand in for the hub's answer.
    var leavesTheCacheUsable: Bool {
        switch self {
        case .unreachable, .status, .badRedirect, .unauthorized, .gated, .notFound: true
        default: false
        }
    }
}
