import Files
import Foundation
import Glibc
import TestKit
import Testing

@Suite struct FolderTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func permissions(_ path: String) throws -> Int {
        var status = stat()
        try #require(lstat(path, &status) == 0)
        return Int(status.st_mode & 0o7777)
    }

    @Test func makesAllThatIsMissing() throws {
        let path = folder.file("a/b/c")
        try Folder.make(path, permissions: 0o700)
        try Folder.make(path + "/")
        #expect(Folder.isFolder(path))
        #expect(try permissions(path) == 0o700)
    }

    /// The reason is the system's, and the name that of the folder which is in the way.
    @Test func saysWhatIsInTheWay() throws {
        let file = try folder.write("x", to: "file")
        #expect(throws: FileError(file, .cannotWrite(reason: "it is no folder"))) { try Folder.make(file) }
        #expect(throws: FileError("\(file)/a", .cannotWrite(reason: "Not a directory"))) {
            try Folder.make("\(file)/a")
        }
        #expect(
            "\(FileError(file, .cannotOpen(reason: "Permission denied")))"
                == "\(file) cannot be opened: Permission denied")
    }

    @Test(arguments: [
        ("/a/b", "/a"), ("/a", "/"), ("/", "/"), ("a", "."), ("a/b//", "a"), ("/a//b", "/a"), ("a//b/", "a"),
    ])
    func knowsTheFolderAbove(_ path: String, _ parent: String) {
        #expect(Folder.parent(of: path) == parent)
    }

    @Test func namesEverything() throws {
        for name in ["a", ".hidden", "é"] { try folder.write("x", to: name) }
        #expect(Set(try Folder.names(in: folder.path)) == ["a", ".hidden", "é"])
        #expect(throws: FileError.self) { try Folder.names(in: folder.file("none")) }
    }

    /// Files go, what lies behind links stays, and a folder in it keeps the whole.
    @Test func removesPlainFilesOnly() throws {
        try Folder.make(folder.file("job"))
        let outside = try folder.write("x", to: "outside")
        try folder.write("x", to: "job/0.png")
        #expect(symlink(outside, folder.file("job/link")) == 0)
        #expect(Folder.remove(folder.file("job")))
        #expect(folder.names == ["outside"])
        #expect(Folder.remove(folder.file("job")))

        try Folder.make(folder.file("job/photos"))
        try folder.write("x", to: "job/photos/a.jpg")
        #expect(!Folder.remove(folder.file("job")))
        #expect(FileManager.default.fileExists(atPath: folder.file("job/photos/a.jpg")))

        #expect(symlink(folder.file("job"), folder.file("link")) == 0)
        #expect(!Folder.remove(folder.file("link")))
        #expect(FileManager.default.fileExists(atPath: folder.file("job/photos/a.jpg")))
    }

    @Test func aFileHasThePermissionsThatWereAskedFor() throws {
        let path = folder.file("secret")
        #expect(chmod(try folder.write("old", to: "secret"), 0o644) == 0)
        try AtomicFile.write([1], to: path, permissions: 0o600)
        #expect(try permissions(path) == 0o600)
        #expect(folder.names == ["secret"])
    }

    @Test func onlyItsOwnTemporaryNamesAreKnown() throws {
        let file = try AtomicFile(replacing: folder.file("a"))
        #expect(folder.names.allSatisfy(AtomicFile.isTemporary) && folder.names.count == 1)
        for name in ["a.partial", ".partial", ".thesis.PARTIAL", ".my thesis.partial", ".A.partial", "..partial"] {
            #expect(!AtomicFile.isTemporary(name), "\(name)")
        }
        try file.commit()
        #expect(folder.names == ["a"])
    }

    /// New bytes with the old size and the old time are another stamp, and so is another file under a link.
    @Test func aStampTellsChangesThatTimesDoNot() throws {
        let path = try folder.write("one", to: "a")
        let first = try #require(FileStamp(of: path))
        var status = stat()
        try #require(stat(path, &status) == 0)
        try AtomicFile.write(Array("two".utf8), to: path)
        var times = [status.st_atim, status.st_mtim]
        try #require(utimensat(AT_FDCWD, path, &times, 0) == 0)
        let second = try #require(FileStamp(of: path))
        #expect(second != first && !second.isSameFile(as: first))

        #expect(symlink("a", folder.file("link")) == 0)
        #expect(FileStamp(of: folder.file("link")) == second)
        try folder.write("two", to: "b")
        #expect(symlink("b", folder.file("new")) == 0 && rename(folder.file("new"), folder.file("link")) == 0)
        #expect(FileStamp(of: folder.file("link")) != second)
        #expect(FileStamp(of: folder.file("none")) == nil && !second.isSameFile(as: nil))
    }
}
