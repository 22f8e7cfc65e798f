import Files
import Foundation
import Layers
import Testing

@Suite struct SafetensorsIndexTests {
    let folder: SafetensorsFolder
    var path: String { "\(folder.path)/m.safetensors.index.json" }

    init() throws { folder = try SafetensorsFolder() }

    func index(_ text: String) throws -> SafetensorsIndex {
        try SafetensorsIndex(path: folder.write("m.safetensors.index.json", text))
    }

    func checkpoint(_ text: String) throws -> SafetensorsCheckpoint { try SafetensorsCheckpoint(index(text)) }

    func error(_ fault: StrictJSONError.Fault, at offset: Int) -> SafetensorsError {
        .index(path, .malformed(StrictJSONError(fault: fault, offset: offset)))
    }

    @Test func joinsTheFilesItNames() throws {
        try folder.writeTensors("m-1.safetensors", "a", "b")
        try folder.writeTensors("m-2.safetensors", "c")
        let all = try checkpoint(
            #"{"metadata":{"total_size":24},"weight_map":{"c":"m-2.safetensors","a":"m-1.safetensors","b":"m-1.safetensors"}}"#
        )
        #expect(all.names == ["a", "b", "c"])
        #expect(all.files.map(\.path) == ["\(folder.path)/m-1.safetensors", "\(folder.path)/m-2.safetensors"])
        let (entry, file) = try #require(all["c"])
        #expect(file.bytes(of: entry).count == 8)
        #expect(all["d"] == nil)
    }

    @Test func opensASingleFile() throws {
        let path = try folder.writeTensors("model.safetensors", "a", "b")
        let all = try SafetensorsCheckpoint(.locate(in: folder.path))
        #expect(all.names == ["a", "b"])
        #expect(all.files.map(\.path) == [path])
    }

    @Test func followsLinksOutOfItsFolder() throws {
        let blobs = try SafetensorsFolder()
        let blob = try blobs.writeTensors("0123abcd", "a")
        try FileManager.default.createSymbolicLink(atPath: "\(folder.path)/m-1.safetensors", withDestinationPath: blob)
        #expect(try checkpoint(#"{"weight_map":{"a":"m-1.safetensors"}}"#).names == ["a"])
    }

    @Test func readsOverWhatItDoesNotNeed() throws {
        let text = #"""
            {"x":[1,-2.5e+3,true,false,null,{"y":{"z":[]}},"\u0041"],"metadata":{"total_size":9.5e9,"n":[{}],"t":"u"},
             "weight_map":{"a":"m"}}
            """#
        #expect(try index(text).totalSize == nil)
        #expect(try index(#"{"weight_map":{"a":"m"},"metadata":{"total_size":12}}"#).totalSize == 12)
        #expect(try index(#"{"weight_map":{"a":"m","b":"n","c":"m"}}"#).shards == ["m", "n"])
    }

    @Test(arguments: [
        "../m.safetensors", "/etc/passwd", "..", ".", "", "sub/m.safetensors", "m\\u0000.safetensors", "..\\\\m",
    ])
    func refusesNamesThatLeaveTheFolder(name: String) throws {
        let unescaped = name.replacing("\\u0000", with: "\0").replacing("\\\\", with: "\\")
        #expect(throws: SafetensorsError.index(path, .unsafeShardName(unescaped, key: "a"))) {
            try index(#"{"weight_map":{"a":"\#(name)"}}"#)
        }
    }

    @Test func notesAMissingFileAndNamesItToWhoAsks() throws {
        try folder.writeTensors("m-1.safetensors", "a")
        let all = try checkpoint(#"{"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors"}}"#)
        #expect(all.names == ["a"])
        #expect(all.notes == [.missingShard("m-2.safetensors")])
        #expect(all.brokenPromise(of: "a") == nil)
        #expect(all.brokenPromise(of: "b") == .index(path, .missingShard("m-2.safetensors")))
        #expect(all.brokenPromise(of: "c") == nil)
    }

    @Test func notesKeysThatAFileLacksOrHasTooMany() throws {
        try folder.writeTensors("m-1.safetensors", "a", "b")
        let all = try checkpoint(
            #"{"weight_map":{"a":"m-1.safetensors","d":"m-1.safetensors","c":"m-1.safetensors"}}"#)
        #expect(
            all.notes == [
                .keysNotInShard(["c", "d"], shard: "m-1.safetensors"),
                .keysNotInIndex(["b"], shard: "m-1.safetensors"),
            ])
        #expect(all.names == ["a", "b"])
        #expect(all["b"] != nil)
        #expect(all.brokenPromise(of: "d") == .index(path, .keysNotInShard(["d"], shard: "m-1.safetensors")))
    }

    /// The word of the index counts where two files have a tensor; where it is wrong, the file that has it does.
    @Test func findsATensorThatIsTwiceOrElsewhere() throws {
        try folder.writeTensors("m-1.safetensors", "a", "b", "c")
        try folder.writeTensors("m-2.safetensors", "b", "d")
        let all = try checkpoint(
            #"""
            {"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors","c":"m-2.safetensors","d":"m-2.safetensors"}}
            """#)
        #expect(all.names == ["a", "b", "c", "d"])
        #expect(all["b"]?.file.path == "\(folder.path)/m-2.safetensors")
        #expect(all["c"]?.file.path == "\(folder.path)/m-1.safetensors")
        #expect(all.brokenPromise(of: "c") == nil)
        #expect(all.notes.count == 2)
    }

    @Test func opensAnIndexOfWhichNoFileIsThere() throws {
        let all = try checkpoint(#"{"weight_map":{"a":"m-2.safetensors"}}"#)
        #expect(all.names.isEmpty)
        #expect(all.path == path)
        #expect(all.brokenPromise(of: "a") == .index(path, .missingShard("m-2.safetensors")))
    }

    @Test func refusesAFileThatIsNotWhole() throws {
        try folder.writeTensors("m-1.safetensors", "a")
        try folder.write("m-2.safetensors", "short")
        #expect(throws: SafetensorsError.header("\(folder.path)/m-2.safetensors", .noLength(fileSize: 5))) {
            try checkpoint(#"{"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors"}}"#)
        }
    }

    @Test(arguments: ["null", "[]", "1"]) func readsOverMetadataOfAnotherKind(_ value: String) throws {
        let index = try index(#"{"metadata":\#(value),"weight_map":{"a":"m"}}"#)
        #expect(index.totalSize == nil && index.shards == ["m"])
    }

    @Test func refusesWhatIsNoIndex() throws {
        #expect(throws: error(.endsEarly, at: 0)) { try index("") }
        #expect(throws: error(.expected("an object"), at: 0)) { try index("[]") }
        #expect(throws: error(.missingKey("weight_map"), at: 2)) { try index("{}") }
        #expect(throws: error(.expected("an object"), at: 14)) { try index(#"{"weight_map":[]}"#) }
        #expect(throws: error(.expected("a string"), at: 19)) { try index(#"{"weight_map":{"a":1}}"#) }
        #expect(throws: error(.duplicateKey("a"), at: 30)) { try index(#"{"weight_map":{"a":"m","a":"n"}}"#) }
        #expect(throws: error(.duplicateKey("weight_map"), at: 30)) { try index(#"{"weight_map":{},"weight_map":{}}"#) }
        #expect(throws: error(.textAfterTheEnd, at: 25)) { try index(#"{"weight_map":{"a":"m"}} x"#) }
        #expect(throws: SafetensorsError.index(path, .empty)) { try index(#"{"weight_map":{}}"#) }
    }

    @Test(arguments: ["[", #"{"a":"#]) func refusesDeepNestingWithoutRecursion(opening: String) throws {
        let text = #"{"x":"# + String(repeating: opening, count: 1_000_000)
        #expect(throws: error(.tooDeep(limit: 16), at: 5 + 15 * opening.utf8.count + 1)) { try index(text) }
    }

    @Test(arguments: [
        "tru", "nul", "-", "1.", ".5", "01", "1e", "1e+", "Infinity", "'a'", "[1,]", "{\"a\":1,}", "[1 2]",
    ])
    func refusesMalformedValuesThatItReadsOver(value: String) throws {
        #expect(throws: SafetensorsError.self) { try index(#"{"x":\#(value),"weight_map":{"a":"m"}}"#) }
    }
}
