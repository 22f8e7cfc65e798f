import Files
import Foundation
import Layers
import Testing

@Suite struct SafetensorsWriterTests {
    let folder: SafetensorsFolder
    var path: String { "\(folder.path)/t.safetensors" }

    init() throws { folder = try SafetensorsFolder() }

    @Test func writesWhatIsReadBack() throws {
        let tensors: [SafetensorsWriter.Tensor] = [
            .init(name: "output", dtype: .uint8, shape: [1, 3], bytes: [1, 2, 3]),
            .init(name: "latents.step0", shape: [2, 2], floats: [1, -2, .infinity, 0.5]),
            .init(name: "ids \"é\\\n\u{1}😀", dtype: .int64, shape: [], bytes: [1, 0, 0, 0, 0, 0, 0, 0]),
            .init(name: "nothing", dtype: .float32, shape: [0, 4], bytes: []),
        ]
        let metadata = ["format": "pt", "prompt": "a \"cat\"\n\u{0}"]
        try SafetensorsWriter.write(tensors, metadata: metadata, to: path)
        let file = try SafetensorsFile(path: path)
        #expect(file.metadata == metadata)
        #expect(file.entries.count == tensors.count && file.entries.allSatisfy(\.isAligned))
        for tensor in tensors {
            let entry = try #require(file[tensor.name])
            #expect(entry.dtype == tensor.dtype && entry.shape == tensor.shape)
            #expect(file.bytes(of: entry).elementsEqual(tensor.bytes))
        }
        #expect(folder.names == ["t.safetensors"])
    }

    @Test func padsTheHeaderToEightBytes() throws {
        for length in 1...8 {
            try SafetensorsWriter.write(
                [.init(name: String(repeating: "n", count: length), shape: [1], floats: [7])], to: path)
            let data = try Data(contentsOf: URL(filePath: path))
            #expect(data[0].isMultiple(of: 8) && data.suffix(4).elementsEqual([0, 0, 0xE0, 0x40]))
        }
    }

    @Test func writesAFileWithoutTensors() throws {
        try SafetensorsWriter.write([], to: path)
        #expect(try SafetensorsFile(path: path).entries.isEmpty)
    }

    @Test func refusesWhatTheFormatCannotSay() throws {
        func refusal(_ tensors: SafetensorsWriter.Tensor...) -> SafetensorsError? {
            #expect(throws: SafetensorsError.self) { try SafetensorsWriter.write(tensors, to: path) }
        }
        #expect(refusal(.init(name: "", shape: [1], floats: [1])) == .tensor("", in: path, .unnamed))
        #expect(
            refusal(.init(name: "__metadata__", shape: [1], floats: [1]))
                == .tensor("__metadata__", in: path, .reservedName))
        #expect(
            refusal(.init(name: "a", shape: [1], floats: [1]), .init(name: "a", shape: [1], floats: [2]))
                == .tensor("a", in: path, .duplicate))
        #expect(
            refusal(.init(name: "a", shape: [3], floats: [1]))
                == .tensor("a", in: path, .wrongSize(shape: [3], expected: 12, found: 4)))
        #expect(
            refusal(.init(name: "a", shape: [-1], floats: [1]))
                == .tensor("a", in: path, .sizeOverflows(shape: [-1])))
        #expect(folder.names.isEmpty)
    }

    @Test func namesAPlaceThatCannotBeWritten() throws {
        let lost = "\(folder.path)/nowhere/t.safetensors"
        #expect(throws: SafetensorsError.file(lost, .cannotWrite(reason: "No such file or directory"))) {
            try SafetensorsWriter.write([], to: lost)
        }
        #expect(throws: SafetensorsError.file(folder.path, .notRegular)) {
            try SafetensorsWriter.write([], to: folder.path)
        }
        #expect(throws: SafetensorsError.file("/dev/null", .notRegular)) {
            try SafetensorsWriter.write([], to: "/dev/null")
        }
    }

    /// A limit on the size of files stands in for a full disk; it holds for the whole process, hence a process of its own.
    @Test func leavesTheOldFileAndNothingElseWhenTheDiskIsFull() async {
        await #expect(processExitsWith: .success) {
            let folder = try SafetensorsFolder()
            let path = try folder.writeTensors("t.safetensors", "old")
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 4096, rlim_max: 4096)
            try #require(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
            let large = SafetensorsWriter.Tensor(
                name: "new", dtype: .uint8, shape: [9999], bytes: .init(repeating: 1, count: 9999))
            #expect(throws: SafetensorsError.file(path, .cannotWrite(reason: "File too large"))) {
                try SafetensorsWriter.write([large], to: path)
            }
            #expect(folder.names == ["t.safetensors"])
            #expect(try SafetensorsFile(path: path).entries.map(\.name) == ["old"])
        }
    }
}
