internal import Foundation
internal import Synchronization

/// A checker on loopback, as an operator may have one, which says what a test wants.
package final class FakeChecker: Sendable {
    /// What it does when it is asked.
    package enum Answer: Sendable {
        case allow
        /// Says no, with a reason or without.
        case block(reason: String? = nil)
        /// Says no where a question's prompt is this one, else yes.
        case blockPrompt(String)
        /// Never says anything.
        case silence
        /// Sends a status and a text.
        case text(Int, String)
    }

    /// What it was asked, as far as tests look at it.
    package struct Question: Sendable {
        package let stage, prompt: String
        package let negativePrompt: String?
        /// The bytes of each image or frame, with what it is for, or where it stands in its video.
        package let images: [(role: String, bytes: [UInt8])]
        package let frames: [(index: Int, bytes: [UInt8])]
        package let frameCount: Int?
        /// The family's own parameters, as JSON.
        package let extraParams: String

        fileprivate init(_ body: [UInt8]) {
            let object = (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any] ?? [:]
            func list(_ name: String) -> [[String: Any]] { object[name] as? [[String: Any]] ?? [] }
            func bytes(_ picture: [String: Any]) -> [UInt8] {
                guard picture["media_type"] as? String == "image/jpeg", let text = picture["data"] as? String else {
                    return []
                }
                return Data(base64Encoded: text).map { [UInt8]($0) } ?? []
            }
            (stage, prompt) = (object["stage"] as? String ?? "", object["prompt"] as? String ?? "")
            negativePrompt = object["negative_prompt"] as? String
            images = list("images").map { ($0["role"] as? String ?? "", bytes($0)) }
            frames = list("frames").map { ($0["index"] as? Int ?? -1, bytes($0)) }
            frameCount = object["frame_count"] as? Int
            let extra = object["extra_params"] ?? [String: Any]()
            extraParams = String(
                decoding: (try? JSONSerialization.data(withJSONObject: extra, options: .sortedKeys)) ?? Data(),
                as: UTF8.self)
        }
    }

    private final class State: Sendable {
        /// By stage.
        let answers: Mutex<[String: Answer]>
        init(_ answers: [String: Answer]) { self.answers = Mutex(answers) }
    }

    private let server: LoopbackServer
    private let state: State

    /// - Parameters:
    ///   - prompt: what it does when it is asked about a prompt
    ///   - output: what it does when it is asked about what was made
    /// - Throws: an error of the system
    package init(prompt: Answer = .allow, output: Answer = .allow) async throws {
        let state = State(["prompt": prompt, "output": output])
        self.state = state
        server = try await LoopbackServer { request in
            let question = Question(request.body)
            return Self.reply(to: question, state.answers.withLock { $0[question.stage] ?? .text(400, "") })
        }
    }

    /// Its address, with what must not be told.
    package var url: String { "\(server.address)/check?token=secret" }
    /// What of the address is told.
    package var origin: String { server.address }
    /// What it was asked, in order.
    package var questions: [Question] { server.requests.map { Question($0.body) } }

    private static func reply(to question: Question, _ answer: Answer) -> LoopbackServer.Reply {
        var reply = LoopbackServer.Reply()
        switch answer {
        case .allow: reply.body = Array(#"{"allowed": true}"#.utf8)
        case .block(let reason):
            let because = reason.map { ", \"reason\": \"\($0)\"" } ?? ""
            reply.body = Array("{\"allowed\": false\(because)}".utf8)
        case .blockPrompt(let prompt):
            reply.body = Array("{\"allowed\": \(question.prompt != prompt), \"reason\": null, \"more\": [1]}".utf8)
        case .silence: reply.isSilent = true
        case .text(let status, let text): (reply.status, reply.body) = (status, Array(text.utf8))
        }
        return reply
    }
}
