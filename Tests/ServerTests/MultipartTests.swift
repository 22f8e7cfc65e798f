import Foundation
import HTTPTypes
import Server
import TestKit
import Testing

@Suite struct MultipartTests {
    private func parse(
        _ body: [UInt8], _ change: (inout ServerLimits) -> Void = { _ in }
    ) throws(MultipartError) -> MultipartForm {
        var limits = ServerLimits()
        change(&limits)
        return try MultipartForm(body, boundary: Form.boundary, limits: limits)
    }

    private func parse(_ text: String) throws(MultipartError) -> MultipartForm { try parse(Array(text.utf8)) }

    @Test func readsFieldsAndFiles() throws {
        let form = try parse(Form.body([("prompt", Array("a fox".utf8)), ("@image[]", [0, 13, 10, 255])]))
        #expect(form.parts.map(\.name) == ["prompt", "image[]"])
        #expect(form.parts[0].text == "a fox")
        #expect(form.parts[0].fileName == nil)
        #expect(Array(form.parts[1].bytes) == [0, 13, 10, 255])
        #expect(form.parts[1].text == nil)
    }

    @Test func readsWhatStandsBeforeAndAfterTheForm() throws {
        let body = Array("a preamble\r\n".utf8) + Form.body([("a", [])]) + Array("an epilogue".utf8)
        #expect(try parse(body).parts.map(\.name) == ["a"])
        #expect(try parse("--a-boundary--").parts.isEmpty)
    }

    @Test(arguments: [
        "", "nothing", "--a-boundary", "--a-boundary\r\n", "--a-boundaryX\r\n\r\n\r\n--a-boundary--",
        "--a-boundary\r\n\r\nno name\r\n--a-boundary--",
        "--a-boundary\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nunfinished",
        "--a-boundary\r\nno colon\r\n\r\n\r\n--a-boundary--",
        "--a-boundary\r\nContent-Disposition: attachment; name=a\r\n\r\n\r\n--a-boundary--",
        "--a-boundary\r\nContent-Disposition: form-data; name=\"\"\r\n\r\n\r\n--a-boundary--",
    ])
    func refusesWhatIsNoForm(_ text: String) {
        #expect(throws: MultipartError.self) { try parse(text) }
    }

    @Test func refusesTooManyPartsLongFieldsAndLongHeaders() throws {
        let many = Form.body((0..<65).map { ("f\($0)", []) })
        #expect(throws: MultipartError.tooManyParts(limit: 64)) { try parse(many) }
        let long = Form.body([("a", [UInt8](repeating: 65, count: 11))])
        #expect(throws: MultipartError.fieldTooLong("a", limit: 10)) { try parse(long) { $0.fieldBytes = 10 } }
        let name = Form.body([(String(repeating: "n", count: 5000), [])])
        #expect(throws: MultipartError.malformedHeader) { try parse(name) }
    }

    /// Any bytes give a form or an error, soon.
    @Test func survivesDamage() throws {
        var random = SplitMix(state: 7)
        let body = Form.body([("prompt", Array("a fox".utf8)), ("@image", (0...255).map(UInt8.init)), ("n", [50])])
        for _ in 0..<20_000 {
            var damaged = body
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let place = Int.random(in: 0..<damaged.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: damaged[place] = UInt8.random(in: 0...255, using: &random)
                case 1: damaged.remove(at: place)
                default: damaged.insert(contentsOf: damaged[..<min(place, 40)], at: place)
                }
            }
            do {
                let form = try parse(damaged)
                for part in form.parts { #expect(!part.name.isEmpty) }
                _ = try? FormFields(form)
            } catch {
                #expect(!"\(error)".isEmpty)
            }
        }
    }

    private func part(_ header: String, _ bytes: [UInt8] = Array("x".utf8)) throws -> MultipartForm.Part {
        // Each character stands for the byte of its number.
        let header = header.unicodeScalars.map { UInt8($0.value) }
        let body = Array("--a-boundary\r\n".utf8) + header + Array("\r\n\r\n".utf8) + bytes
        return try #require(try parse(body + Array("\r\n--a-boundary--".utf8)).parts.first)
    }

    @Test(arguments: [
        (#"form-data; name="a"; filename*=utf-8''b%C3%BCcher.png"#, "a", "bücher.png"),
        (#"form-data; name="a"; filename*=iso-8859-1'en'b%FCcher.png"#, "a", "bücher.png"),
        (#"form-data; name="a"; filename="plain.png"; filename*=utf-8''other.png"#, "a", "plain.png"),
        (#"form-data; name="a"; filename*0*=utf-8''b%C3%BC; filename*1*=cher.png"#, "a", "bücher.png"),
        (#"form-data; name="a"; filename*0="b"; filename*1="c.png""#, "a", "bc.png"),
        (#"form-data; name*=utf-8''bild%C3%BC"#, "bildü", nil), ("form-data; name=\"b\u{FC}cher\"", "bücher", nil),
        ("form-data; name=a; filename=\"b\u{FC}cher.png\"", "a", "bücher.png"),
        ("form-data; name=a; filename=\"b\u{C3}\u{BC}cher.png\"", "a", "bücher.png"),
        (#"form-data; name="a"; filename="c:\b\"c\".png""#, "a", #"c:\b"c".png"#),
        ("FORM-DATA;NAME=a;FILENAME= b ", "a", "b"), ("form-data; name=\"a\";\r\n filename=\"b\"", "a", "b"),
        // The quotation mark and the accent that follows it are one Swift character.
        ("form-data; name=\"\u{CC}\u{81}a\"; filename=\"\u{CC}\u{81}\"", "\u{301}a", "\u{301}"),
    ])
    func readsHowClientsNameFiles(_ disposition: String, _ name: String, _ fileName: String?) throws {
        let part = try part("Content-Disposition: \(disposition)")
        #expect(part.name.unicodeScalars.elementsEqual(name.unicodeScalars), "\(part.name)")
        #expect(part.fileName == fileName)
    }

    @Test func readsTextsInOtherEncodings() throws {
        let latin = try part(
            "Content-Disposition: form-data; name=a\r\nContent-Type: text/plain; charset=ISO-8859-1", [0xFC])
        #expect(latin.text == "ü")
        #expect(try part("Content-Disposition: form-data; name=a", [0xFC]).text == nil)
    }

    /// What the fuzzer begins with, and what it once found.
    @Test func readsOrRefusesTheSeedsOfTheFuzzer() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Tools/fuzz/multipart").standardized
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        #expect(files.count >= 8)
        for file in files {
            let bytes = [UInt8](try Data(contentsOf: file))
            let form = try? MultipartForm(bytes, boundary: "b", limits: ServerLimits())
            #expect((form == nil) == file.lastPathComponent.hasPrefix("bad-"), "\(file.lastPathComponent)")
        }
    }

    /// Every cut gives an error, not half a form.
    @Test func refusesEveryTruncation() {
        let body = Form.body([("prompt", Array("a fox".utf8)), ("@image", [1, 2, 3])])
        for length in 0..<body.count - 4 {
            #expect(throws: MultipartError.self) { try parse(Array(body.prefix(length))) }
        }
    }
}
