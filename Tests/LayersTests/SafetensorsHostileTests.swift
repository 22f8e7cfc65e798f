import Files
import Layers
import Testing

/// Files made to break a reader: each must be refused with the sentence that tells what is wrong.
@Suite struct SafetensorsHostileTests {
    struct Hostile: CustomTestStringConvertible, Sendable {
        let what: String
        let bytes: [UInt8]
        let error: SafetensorsError
        var testDescription: String { what }

        init(_ what: String, _ bytes: [UInt8], header fault: SafetensorsHeaderFault) {
            (self.what, self.bytes, error) = (what, bytes, .header("x.safetensors", fault))
        }

        init(_ what: String, _ header: String, data: Int = 4, json fault: StrictJSONError.Fault, at offset: Int) {
            let error = StrictJSONError(fault: fault, offset: offset)
            self.init(what, SafetensorsBytes.file(header, data: data), header: .malformed(error))
        }

        init(_ what: String, metadata header: String, json fault: StrictJSONError.Fault, at offset: Int) {
            let error = StrictJSONError(fault: fault, offset: offset)
            self.init(what, SafetensorsBytes.file(header), header: .malformedMetadata(error))
        }

        init(
            _ what: String, _ header: String, data: Int = 4, of key: String = "a", tensor fault: SafetensorsTensorFault
        ) {
            (self.what, bytes) = (what, SafetensorsBytes.file(header, data: data))
            error = .tensor(key, in: "x.safetensors", fault)
        }

        init(_ what: String, field header: String, json fault: StrictJSONError.Fault, at offset: Int) {
            self.init(what, header, tensor: .malformed(StrictJSONError(fault: fault, offset: offset)))
        }
    }

    @Test(arguments: framing + json + fields + numbers + layout) func refuses(_ file: Hostile) {
        #expect(throws: file.error) { try SafetensorsBytes.header(file.bytes) }
        let sentence = file.error.description
        #expect(sentence.contains("x.safetensors") && sentence.count < 400 && !sentence.contains("\n"))
    }

    static let bytes = SafetensorsBytes.self
    static let limit = SafetensorsHeader.lengthLimit

    static let framing: [Hostile] = [
        Hostile("an empty file", [], header: .noLength(fileSize: 0)),
        Hostile("a file of 7 bytes", [2, 0, 0, 0, 0, 0, 0], header: .noLength(fileSize: 7)),
        Hostile("a header of no bytes", bytes.file(""), header: .empty),
        Hostile(
            "a header that stops at its length", bytes.file("", length: 2),
            header: .beyondFile(claimed: 2, available: 0)),
        Hostile(
            "a header one byte longer than the file", bytes.file("{}", length: 3),
            header: .beyondFile(claimed: 3, available: 2)),
        Hostile(
            "a header of 100 MB and one byte", bytes.file("{}", length: 100_000_001),
            header: .tooLong(claimed: 100_000_001, limit: limit)),
        Hostile(
            "a length that is negative as an Int", bytes.file("{}", length: .max),
            header: .tooLong(claimed: .max, limit: limit)),
        Hostile(
            "a length of 2^63", bytes.file("{}", length: 1 << 63), header: .tooLong(claimed: 1 << 63, limit: limit)),
        Hostile(
            "a length of 2^63 - 1", bytes.file("{}", length: 1 << 63 - 1),
            header: .tooLong(claimed: 1 << 63 - 1, limit: limit)),
        Hostile("blanks and nothing else", bytes.file(" \n "), header: .noBrace),
        Hostile("a byte order mark", bytes.file([0xEF, 0xBB, 0xBF, 0x7B, 0x7D]), header: .noBrace),
        Hostile("an array", bytes.file("[]"), header: .noBrace),
        Hostile(
            "a pickle in a zip", Array("PK\u{3}\u{4}\0\0\0\0abcdefgh".utf8),
            header: .beyondFile(claimed: 0x0403_4B50, available: 8)),
        Hostile("bytes of data without a tensor", bytes.file("{}", data: 3), header: .bytesAfterLastTensor(3)),
        Hostile(
            "a byte after the last tensor", bytes.file("{\(bytes.entry("a"))}", data: 5),
            header: .bytesAfterLastTensor(1)),
    ]

    static let json: [Hostile] = [
        Hostile("a lone brace", "{", json: .endsEarly, at: 1),
        Hostile("a NUL as padding", "{}\0\0", json: .textAfterTheEnd, at: 2),
        Hostile("a second object", "{} {}", json: .textAfterTheEnd, at: 3),
        Hostile("a key without quotes", "{a:1}", json: .expected("a string"), at: 1),
        Hostile("a key with single quotes", "{'a':1}", json: .expected("a string"), at: 1),
        Hostile("a missing colon", #"{"a" {}}"#, json: .expected("a colon"), at: 5),
        Hostile("a comma at the end", "{\(bytes.entry("a")),}", json: .expected("a string"), at: 53),
        Hostile("a missing comma", "{\(bytes.entry("a"))\(bytes.entry("b"))}", json: .expected("a comma"), at: 52),
        Hostile("a comment", "{/**/}", json: .expected("a string"), at: 1),
        Hostile("an unfinished key", #"{"abc"#, json: .endsEarly, at: 5),
        Hostile("a newline in a key", "{\"a\nb\":1}", json: .controlCharacter, at: 3),
        Hostile("an escape that JSON lacks", #"{"a\x41":1}"#, json: .invalidEscape, at: 5),
        Hostile("an unfinished escape", #"{"a\u00"#, json: .endsEarly, at: 7),
        Hostile("half a surrogate pair", #"{"\ud800":1}"#, json: .loneSurrogate, at: 8),
        Hostile("a low surrogate alone", #"{"\udc00":1}"#, json: .loneSurrogate, at: 8),
        Hostile("two high surrogates", #"{"\ud800\ud800":1}"#, json: .loneSurrogate, at: 14),
        Hostile(
            "a key that is not UTF-8", bytes.file([0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x7B, 0x7D, 0x7D]),
            header: .malformed(StrictJSONError(fault: .invalidUTF8, offset: 2))),
        Hostile(
            "an overlong UTF-8 slash", bytes.file([0x7B, 0x22, 0xC0, 0xAF, 0x22, 0x3A, 0x31, 0x7D]),
            header: .malformed(StrictJSONError(fault: .invalidUTF8, offset: 2))),
        Hostile("metadata that is a list", metadata: #"{"__metadata__":[]}"#, json: .expected("an object"), at: 16),
        Hostile("metadata that is no word", metadata: #"{"__metadata__":nul}"#, json: .expected("a value"), at: 19),
        Hostile(
            "a number in the metadata", metadata: #"{"__metadata__":{"a":1}}"#,
            json: .expected("a string"), at: 21),
        Hostile(
            "an object in the metadata", metadata: #"{"__metadata__":{"a":{"b":"c"}}}"#,
            json: .expected("a string"), at: 21),
        Hostile(
            "a metadata key of 1025 bytes",
            metadata: #"{"__metadata__":{"\#(String(repeating: "k", count: 1025))":"1"}}"#,
            json: .keyTooLong(limit: 1024), at: 1045),
        Hostile(
            "metadata twice", metadata: #"{"__metadata__":{},"__metadata__":{}}"#,
            json: .duplicateKey("__metadata__"), at: 34),
    ]

    static let fields: [Hostile] = [
        Hostile(
            "a name of a megabyte", "{\(bytes.entry(String(repeating: "a\u{301}", count: 350_000)))}",
            of: String(repeating: "a\u{301}", count: 350_000),
            tensor: .nameTooLong(bytes: 1_050_000, limit: 1024)),
        Hostile("a tensor twice", "{\(bytes.entry("a")),\(bytes.entry("a"))}", tensor: .duplicate),
        Hostile(
            "a tensor twice, once escaped", #"{\#(bytes.entry("a")),\#(bytes.entry(#"\u0061"#))}"#, tensor: .duplicate),
        Hostile("a tensor that is a list", field: #"{"a":[]}"#, json: .expected("an object"), at: 5),
        Hostile(
            "ten thousand brackets", field: #"{"a":"# + String(repeating: "[", count: 10_000),
            json: .expected("an object"), at: 5),
        Hostile(
            "ten thousand braces", field: String(repeating: #"{"a":"#, count: 10_000),
            json: .tooDeep(limit: 128), at: 641),
        Hostile(
            "nesting inside a shape", field: #"{"a":{"shape":[[[[[1]]]]]}}"#,
            json: .expected("a whole number"), at: 15),
        Hostile("no fields", field: #"{"a":{}}"#, json: .missingKey("dtype"), at: 7),
        Hostile("no shape", field: #"{"a":{"dtype":"U8","data_offsets":[0,4]}}"#, json: .missingKey("shape"), at: 40),
        Hostile("no offsets", field: #"{"a":{"dtype":"U8","shape":[4]}}"#, json: .missingKey("data_offsets"), at: 31),
        Hostile(
            "a field too many that is no value", field: #"{"a":{"dtype":"U8","strides":[1,]}}"#,
            json: .expected("a value"), at: 32),
        Hostile("a dtype twice", field: #"{"a":{"dtype":"U8","dtype":"I8"}}"#, json: .duplicateKey("dtype"), at: 27),
        Hostile("a dtype that is a number", field: #"{"a":{"dtype":8}}"#, json: .expected("a string"), at: 14),
        Hostile("an unknown dtype", "{\(bytes.entry("a", "F2"))}", tensor: .unknownDtype("F2")),
        Hostile(
            "half a byte", "{\(bytes.entry("a", "F4", "3", "0,2"))}", data: 2,
            tensor: .endsWithinAByte(.float4, shape: [3])),
        Hostile("a dtype in small letters", "{\(bytes.entry("a", "u8"))}", tensor: .unknownDtype("u8")),
        Hostile("wide complex numbers", "{\(bytes.entry("a", "C128"))}", tensor: .unknownDtype("C128")),
        Hostile("a shape that is a text", field: #"{"a":{"shape":"4"}}"#, json: .expected("an array"), at: 14),
        Hostile(
            "33 dimensions",
            field: #"{"a":{"shape":[\#([String](repeating: "1", count: 33).joined(separator: ","))]}}"#,
            json: .tooManyElements(limit: 32), at: 79),
        Hostile("one offset", "{\(bytes.entry("a", "U8", "4", "4"))}", tensor: .offsetsAreNotTwo),
        Hostile("three offsets", field: #"{"a":{"data_offsets":[0,4,4]}}"#, json: .tooManyElements(limit: 2), at: 26),
    ]

    static let numbers: [Hostile] = [
        ("a negative size", "-4", .negative, 0), ("minus zero", "-0", .negative, 0),
        ("a fraction", "1.5", .notWhole, 1), ("a whole number with a fraction", "4.0", .notWhole, 1),
        ("an exponent", "1e3", .notWhole, 1), ("a leading zero", "04", .invalidNumber, 2),
        ("2^63", "9223372036854775808", .tooLarge, 18), ("2^64", "18446744073709551616", .tooLarge, 19),
        ("a thousand digits", String(repeating: "9", count: 1000), .tooLarge, 18),
        ("a number as text", "\"4\"", .expected("a whole number"), 0), ("null", "null", .expected("a whole number"), 0),
        ("NaN", "NaN", .expected("a whole number"), 0), ("a plus sign", "+4", .expected("a whole number"), 0),
        ("hexadecimal", "0x4", .expected("a comma"), 1), ("a comma at the end", "4,", .expected("a whole number"), 2),
    ].map { what, number, fault, offset in
        Hostile("\(what) in a shape", field: #"{"a":{"shape":[\#(number)]}}"#, json: fault, at: 15 + offset)
    }

    static let layout: [Hostile] = [
        Hostile(
            "a size that overflows", "{\(bytes.entry("a", "U8", "4294967296,4294967296"))}",
            tensor: .sizeOverflows(shape: [1 << 32, 1 << 32])),
        Hostile(
            "a size that overflows with its element", "{\(bytes.entry("a", "F32", "4611686018427387904"))}",
            tensor: .sizeOverflows(shape: [1 << 62])),
        Hostile(
            "a size that overflows beside a zero", "{\(bytes.entry("a", "U8", "0,4294967296,4294967296", "0,0"))}",
            data: 0, tensor: .sizeOverflows(shape: [0, 1 << 32, 1 << 32])),
        Hostile(
            "billions of elements in four bytes", "{\(bytes.entry("a", "U8", "100000,100000"))}",
            tensor: .wrongSize(shape: [100_000, 100_000], expected: 10_000_000_000, found: 4)),
        Hostile(
            "a shape smaller than the bytes", "{\(bytes.entry("a", "U8", "3"))}",
            tensor: .wrongSize(shape: [3], expected: 3, found: 4)),
        Hostile(
            "a scalar of four bytes", "{\(bytes.entry("a", "U8", ""))}",
            tensor: .wrongSize(shape: [], expected: 1, found: 4)),
        Hostile(
            "bytes for a shape with a zero", "{\(bytes.entry("a", "U8", "0"))}",
            tensor: .wrongSize(shape: [0], expected: 0, found: 4)),
        Hostile("offsets reversed", "{\(bytes.entry("a", "U8", "4", "4,0"))}", tensor: .offsetsReversed(4, 0)),
        Hostile(
            "an end beyond the data", "{\(bytes.entry("a", "U8", "5", "0,5"))}",
            tensor: .beyondData(end: 5, available: 4)),
        Hostile(
            "an end at 2^63 - 1", "{\(bytes.entry("a", "U8", "4", "0,9223372036854775807"))}",
            tensor: .beyondData(end: .max, available: 4)),
        Hostile(
            "two tensors with the same bytes", "{\(bytes.entry("a")),\(bytes.entry("b"))}", of: "b",
            tensor: .overlaps("a")),
        Hostile(
            "two tensors that share a byte",
            "{\(bytes.entry("a", "U8", "3", "0,3")),\(bytes.entry("b", "U8", "2", "2,4"))}", of: "b",
            tensor: .overlaps("a")),
        Hostile(
            "an empty tensor inside another",
            "{\(bytes.entry("a")),\(bytes.entry("b", "U8", "0", "2,2"))}", of: "b", tensor: .overlaps("a")),
        Hostile("a hole before the first tensor", "{\(bytes.entry("a", "U8", "3", "1,4"))}", tensor: .leavesHole(1)),
        Hostile(
            "a hole between tensors",
            "{\(bytes.entry("a", "U8", "1", "0,1")),\(bytes.entry("b", "U8", "2", "2,4"))}", of: "b",
            tensor: .leavesHole(1)),
    ]
}
