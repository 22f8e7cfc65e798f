import Files
import Foundation
import HTTPTypes
import Server
import TestKit
import Testing

/// What the names of a form's parts flatten.
@Suite struct FormFieldsTests {
    private func fields(_ parts: [(String, String)]) throws -> FormFields {
        let body = Form.body(parts.map { ($0.0, Array($0.1.utf8)) })
        return try FormFields(MultipartForm(body, boundary: Form.boundary, limits: ServerLimits()))
    }

    /// The same as a JSON object.
    private func json(_ parts: [(String, String)]) throws -> String {
        func text(_ value: JSON) -> String {
            switch value {
            case .string(let text): "'\(text)'"
            case .array(let items): "[\(items.map(text).joined(separator: ","))]"
            case .object(let members): "{\(members.map { "\($0.key):\(text($0.value))" }.joined(separator: ","))}"
            default: "?"
            }
        }
        return try fields(parts).values.sorted { $0.key < $1.key }.map { "\($0.key):\(text($0.value))" }
            .joined(separator: " ")
    }

    @Test func readsWhatOpenAIsClientWrites() throws {
        let parts = [
            ("prompt", "a"), ("extra_params[vae_tiling]", "true"), ("extra_params[sigmas][]", "1.0"),
            ("extra_params[sigmas][]", "0.5"), ("image_reference[][content]", "A"),
            ("image_reference[][content]", "B"), ("image_reference[][role]", "first_frame"),
            ("image_reference[][role]", "last_frame"),
        ]
        #expect(
            try json(parts) == "extra_params:{vae_tiling:'true',sigmas:['1.0','0.5']} "
                + "image_reference:[{content:'A',role:'first_frame'},{content:'B',role:'last_frame'}] prompt:'a'")
    }

    private static let names: [([(String, String)], String)] = [
        ([("a[0]", "x"), ("a[1]", "y")], "a:['x','y']"),
        ([("a[2]", "z"), ("a[10]", "q"), ("a[1]", "y")], "a:['y','z','q']"),
        ([("a[]", "x")], "a:['x']"),
        ([("a[1][b]", "y"), ("a[0][b]", "x")], "a:[{b:'x'},{b:'y'}]"),
        ([("a[][b]", "x"), ("a[][c]", "1"), ("a[][b]", "y")], "a:[{b:'x',c:'1'},{b:'y'}]"),
        ([("a[][b]", "x"), ("a[][c]", "1"), ("a[][b]", "y"), ("a[][c]", "2")], "a:[{b:'x',c:'1'},{b:'y',c:'2'}]"),
        ([("a[][b]", "x"), ("a[][c][d]", "1")], "a:[{b:'x',c:{d:'1'}}]"),
        ([("a[b][c][d]", "x")], "a:{b:{c:{d:'x'}}}"),
        ([("a[0]", "x"), ("a[b]", "y")], "a:{0:'x',b:'y'}"),
        ([("a[0][0]", "x"), ("a[0][1]", "y")], "a:[['x','y']]"),
        ([("a[12345]", "x")], "a:{12345:'x'}"),
        ([("a", "x"), ("a", "y")], "a:['x','y']"),
        ([("a[b", "x"), ("[c]", "y"), ("d]", "z")], "[c]:'y' a[b:'x' d]:'z'"),
        ([("e[f]g", "q"), ("h[[i]]", "r")], "e[f]g:'q' h[[i]]:'r'"),
        ([("a[b]", ""), ("c[]", ""), ("d", "")], ""),
        ([("a[\u{301}]", "x"), ("b\u{301}[c]", "y")], "a:{\u{301}:'x'} b\u{301}:{c:'y'}"),
    ]

    @Test(arguments: names)
    func readsNames(_ parts: [(String, String)], _ expected: String) throws {
        #expect(try json(parts) == expected)
    }

    private static let contradictions: [[(String, String)]] = [
        [("a", "x"), ("a[b]", "y")], [("a[]", "x"), ("a[0]", "y")], [("a[]", "x"), ("a[b]", "y")],
        [("a[b]", "x"), ("a[b]", "y")], [("a[0]", "x"), ("a[0]", "y")], [("a[][b]", "x"), ("a[]", "y")],
        [("a[][b]", "x"), ("a[][b]", "y"), ("a[][c]", "1")], [("a[][b][]", "x")], [("a[][]", "x")],
        [("a[0][b]", "x"), ("a[0]", "y")], [("a[b][b][b][b][b][b][b][b][b]", "x")],
    ]

    @Test(arguments: contradictions)
    func refusesNamesThatContradictEachOther(_ parts: [(String, String)]) throws {
        let error = try #require(throws: FormFault.self) { try fields(parts) }
        #expect(error.field == "a" && error.message.contains("a"), "\(error)")
    }

    @Test func takesFilesInTheirOrder() throws {
        let form = Form.body([("@a[1]", [2, 255]), ("@a[0]", [1, 255]), ("@b", [3]), ("@b", [4])])
        let fields = try FormFields(MultipartForm(form, boundary: Form.boundary, limits: ServerLimits()))
        #expect(
            fields.files.mapValues { $0.map { Array($0.bytes) } } == ["a": [[1, 255], [2, 255]], "b": [[3], [4]]])
        #expect(fields.values.isEmpty)
    }

    @Test func aFileWithinAnObjectIsADataURL() throws {
        let form = Form.body([("@a[0][content]", [1, 255]), ("a[0][role]", Array("last_frame".utf8))])
        let fields = try FormFields(MultipartForm(form, boundary: Form.boundary, limits: ServerLimits()))
        let item = JSON.object([
            .init(key: "content", value: .string("data:;base64,Af8=")),
            .init(key: "role", value: .string("last_frame")),
        ])
        #expect(fields.values == ["a": .array([item])])
    }

    /// Any names give values or an error, soon.
    @Test func survivesAnyNames() throws {
        var random = SplitMix(state: 3)
        let pieces = ["a", "[", "]", "[]", "[0]", "[b]", "[1]", "b", "[\u{301}", "\u{301}]"]
        for _ in 0..<3000 {
            let parts = (0..<Int.random(in: 1...6, using: &random)).map { _ in
                (
                    "a"
                        + (0..<Int.random(in: 0...5, using: &random)).map { _ in
                            pieces.randomElement(using: &random) ?? ""
                        }
                        .joined(), "x"
                )
            }
            do {
                #expect(try !fields(parts).values.isEmpty)
            } catch let error as FormFault {
                #expect(!error.message.isEmpty && !error.field.isEmpty)
            }
        }
    }
}
