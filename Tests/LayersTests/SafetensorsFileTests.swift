import Files
import Foundation
import Layers
import Testing

@Suite struct SafetensorsFileTests {
    let folder: SafetensorsFolder
    let bytes = SafetensorsBytes.self

    init() throws { folder = try SafetensorsFolder() }

    @Test func readsAFileOfTheReference() throws {
        // safetensors.torch.save({"b": arange(3, dtype=float32), "a": tensor(True)}, {"format": "pt"}), version 0.8.0
        let header =
            #"{"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"#
            + #""a":{"dtype":"BOOL","shape":[],"data_offsets":[12,13]}}   "#
        let data: [UInt8] = [0, 0, 0, 0, 0, 0, 0x80, 0x3F, 0, 0, 0, 0x40, 1]
        let file = try SafetensorsFile(path: folder.write("x", bytes.file(header) + data))
        #expect(file.entries.map(\.name) == ["b", "a"])
        #expect(file.metadata == ["format": "pt"])
        let floats = try #require(file["b"])
        #expect(floats.dtype == .float32 && floats.shape == [3])
        #expect(
            (0..<3).map { file.bytes(of: floats).loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) } == [0, 1, 2])
        #expect(try file.bytes(of: #require(file["a"])).elementsEqual([1]))
        #expect(file["c"] == nil)
    }

    @Test func ordersTensorsByTheirBytes() throws {
        let text = "{\(bytes.entry("a", "U8", "2", "2,4")),\(bytes.entry("b", "U8", "2", "0,2"))}"
        #expect(try bytes.header(bytes.file(text, data: 4)).entries.map(\.name) == ["b", "a"])
    }

    @Test func takesFieldsInAnyOrderAndBlanksAnywhere() throws {
        let text = "{ \"a\" :\n{\"data_offsets\": [ 0 , 4 ],\t\"shape\":[ 2,2 ] , \"dtype\" : \"U8\" } } \n "
        #expect(try bytes.header(bytes.file(text, data: 4)).entries.map(\.shape) == [[2, 2]])
    }

    @Test func takesAFileWithoutTensors() throws {
        #expect(try bytes.header(bytes.file("{}")).entries.isEmpty)
        #expect(try bytes.header(bytes.file(#"{"__metadata__":{}}"#)).metadata.isEmpty)
    }

    @Test(arguments: ["0,0", "2,2", "4,4"]) func takesAnEmptyTensorBetweenOthers(offsets: String) throws {
        let text = [
            bytes.entry("a", "U8", "2", "0,2"), bytes.entry("b", "U8", "2", "2,4"),
            bytes.entry("e", "F64", "3,0,5", offsets),
        ]
        let header = try bytes.header(bytes.file("{\(text.joined(separator: ","))}", data: 4))
        #expect(header.entries.first { $0.name == "e" }?.byteRange.isEmpty == true)
    }

    /// Unicode calls the names equivalent; a file holds two tensors.
    @Test(arguments: [("\u{E9}", "e\u{301}"), ("K", "\u{212A}")])
    func tellsEquivalentNamesApart(_ one: String, _ other: String) throws {
        let text = "{\(bytes.entry(one, "U8", "2", "0,2")),\(bytes.entry(other, "U8", "1", "2,3"))}"
        let path = try folder.write("x", bytes.file(text, data: 3))
        let file = try SafetensorsFile(path: path)
        #expect(file[one]?.shape == [2] && file[other]?.shape == [1])
        let checkpoint = try SafetensorsCheckpoint(.single(path: path))
        #expect(checkpoint[one]?.entry.shape == [2] && checkpoint[other]?.entry.shape == [1])
        #expect(checkpoint.names.count == 2)
        #expect(throws: SafetensorsError.self) {
            try bytes.header(bytes.file("{\(bytes.entry(one)),\(bytes.entry(one))}", data: 4))
        }
    }

    @Test func readsEscapedNames() throws {
        let text = "{\(bytes.entry(#"\u00e9\n\/\ud83d\ude00"#))}"
        #expect(try bytes.header(bytes.file(text, data: 4)).entries.map(\.name) == ["é\n/😀"])
    }

    @Test(arguments: SafetensorsDtype.allCases) func knowsEachTypesSize(_ dtype: SafetensorsDtype) throws {
        let size = dtype.bitSize
        let text = "{\(bytes.entry("a", dtype.rawValue, "4,2", "0,\(size)"))}"
        #expect(try bytes.header(bytes.file(text, data: size)).entries.map(\.dtype) == [dtype])
    }

    @Test func tellsWhichTensorsAreAligned() throws {
        let text = "{\(bytes.entry("a", "U8", "1", "0,1")),\(bytes.entry("b", "F16", "2", "1,5"))}"
        let padded = text + String(repeating: " ", count: (8 - text.utf8.count % 8) % 8)
        #expect(try bytes.header(bytes.file(padded, data: 5)).entries.map(\.isAligned) == [true, false])
        #expect(try bytes.header(bytes.file(padded + " ", data: 5)).entries.map(\.isAligned) == [true, true])
    }

    @Test func namesWhatCannotBeOpened() throws {
        #expect(throws: SafetensorsError.file("/nowhere/x", .cannotOpen(reason: "No such file or directory"))) {
            try SafetensorsFile(path: "/nowhere/x")
        }
        #expect(throws: SafetensorsError.file(folder.path, .notRegular)) { try SafetensorsFile(path: folder.path) }
        let pipe = "\(folder.path)/pipe"
        #expect(mkfifo(pipe, 0o600) == 0)
        #expect(throws: SafetensorsError.file(pipe, .notRegular)) { try SafetensorsFile(path: pipe) }
        let empty = try folder.write("empty", [])
        #expect(throws: SafetensorsError.header(empty, .noLength(fileSize: 0))) { try SafetensorsFile(path: empty) }
    }

    @Test func keepsTheBytesWhileTheMappingLivesAndTakesAdvice() throws {
        let values = (0..<10_000).map(Float.init)
        let path = "\(folder.path)/x"
        try SafetensorsWriter.write([.init(name: "a", shape: [10_000], floats: values)], to: path)
        let mapping: MappedFile
        let range: Range<Int>
        do {
            let file = try SafetensorsFile(path: path)
            mapping = file.mapping
            range = try #require(file["a"]).byteRange
        }
        try FileManager.default.removeItem(atPath: path)
        mapping.advise(.willNeed, for: range)
        mapping.advise(.dontNeed, for: range)
        mapping.advise(.dontNeed, for: 5..<6)
        mapping.advise(.willNeed, for: 0..<Int.max)
        #expect(mapping.bytes[range].withUnsafeBytes { $0.elementsEqual(values.withUnsafeBytes { [UInt8]($0) }) })
    }

    @Test func quotesHostileNamesBriefly() {
        let name = "\n\u{1B}[31m" + String(repeating: "x", count: 100_000)
        let sentence = SafetensorsError.tensor(name, in: "f", .duplicate).description
        #expect(sentence.hasPrefix(#"the tensor "\n\u{1B}[31mxxx"#) && sentence.count < 200)
    }
}
