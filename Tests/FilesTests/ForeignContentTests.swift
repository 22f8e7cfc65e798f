import Files
import Testing

@Suite struct ForeignContentTests {
    struct Sample: CustomTestStringConvertible, Sendable {
        let bytes: [UInt8]
        let content: ForeignContent
        var testDescription: String { "\(content)" }

        init(_ text: String, _ content: ForeignContent) { self.init(Array(text.utf8), content) }

        init(_ bytes: [UInt8], _ content: ForeignContent) { (self.bytes, self.content) = (bytes, content) }
    }

    private static let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 246144352\n"
    private static let tar = [UInt8](repeating: 0x61, count: 257) + Array("ustar\0".utf8)

    static let samples: [Sample] = [
        Sample(pointer, .pointer(.lfs)), Sample("\u{FEFF}\n" + pointer, .pointer(.lfs)),
        Sample("# xet version 0\nfilesize = 12\n", .pointer(.xet)),
        Sample("<!DOCTYPE html>\n<html lang=\"en\">", .page), Sample("\r\n  <HTML><head>", .page),
        Sample("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code>", .page),
        Sample(#"{"error":"Repository not found"}"#, .errorMessage("Repository not found")),
        Sample(#" { "error" : "Invalid username." , "x": 1}"#, .errorMessage("Invalid username.")),
        Sample(#"{"detail":"Not Found"}"#, .errorMessage("Not Found")),
        Sample(#"{"message":"rate limit"}"#, .errorMessage("rate limit")),
        Sample(#"{"error":{"code":404}}"#, .errorMessage(#"{"code":404}}"#)),
        Sample("Entry not found", .errorMessage("Entry not found")),
        Sample("Access to model a/b is restricted\nLog in", .errorMessage("Access to model a/b is restricted")),
        Sample("404: Not Found", .errorMessage("404: Not Found")),
        Sample([0x1F, 0x8B, 8, 0, 0, 0, 0, 0], .archive("gzip")), Sample("BZh91AY", .archive("bzip2")),
        Sample([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], .archive("xz")), Sample([0x28, 0xB5, 0x2F, 0xFD], .archive("zstd")),
        Sample("PK\u{3}\u{4}\u{14}\0", .archive("ZIP")), Sample(tar, .archive("tar")),
        Sample("PK\u{3}\u{4}\u{14}\0\0\0model/data.pkl", .pytorch), Sample([0x80, 2, 0x8A, 0x0A], .pickle),
        Sample("GGUF\u{3}\0\0\0", .weights("GGUF")), Sample([0x89, 0x48, 0x44, 0x46, 0x0D], .weights("HDF5")),
        Sample([0x93] + Array("NUMPY".utf8), .weights("NumPy")), Sample([0xFF, 0xD8, 0xFF, 0xE0], .image("JPEG")),
        Sample([UInt8](repeating: 0, count: 100), .zeros),
    ]

    @Test(arguments: samples) func recognises(_ sample: Sample) {
        #expect(ForeignContent(sample.bytes) == sample.content)
        let sentence = "\(sample.content)"
        #expect(!sentence.contains("\n") && sentence.utf8.count < 300)
    }

    @Test(arguments: [
        "", "{}", "[]", #"{"a": 1}"#, "#version: 0.2\ni n\nt h", "i n\nt h", #"{"error": 404, "message": 7, "!": 0}"#,
        #"{"errors": 12}"#, #"{"_class_name": "FluxPipeline"}"#, "\u{A}\u{7}\u{A}<unk>", "version 1", #"{"error"#, "{",
    ])
    func leavesPartsOfModelsAlone(_ text: String) { #expect(ForeignContent(Array(text.utf8)) == nil) }

    @Test func leavesTensorsAlone() {
        let header = #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#
        let file = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { [UInt8]($0) } + Array(header.utf8)
        #expect(ForeignContent(file + [0, 0, 0, 0]) == nil)
        #expect(ForeignContent([UInt8](repeating: 0, count: 8)) == nil)
    }

    /// A message that goes on beyond what is looked at.
    @Test func tellsTheBeginningOfALongMessage() throws {
        let long = String(repeating: "no ", count: 1000)
        let file = Array(#"{"error": "\#(long)"}"#.utf8)
        guard case .errorMessage(let message) = try #require(ForeignContent(file)) else {
            Issue.record("not told")
            return
        }
        #expect(message.contains("no no no"))
    }
}
