internal import Foundation
internal import VisualGen

/// The record that LibTorch writes of all operations, on its way to where the user wants it.
struct ProfileRecord {
    /// Where LibTorch writes it.
    let file = "\(NSTemporaryDirectory())/visualgen-\(UUID()).json"
    /// Where the user wants it.
    let path: String

    init(_ path: String) { self.path = path }

    /// Puts it into its place; LibTorch does not say whether it could write.
    ///
    /// - Throws: ``OutputError``
    func finish() throws {
        guard let data = FileManager.default.contents(atPath: file), !data.isEmpty else {
            throw OutputError.failed(path, reason: "LibTorch wrote no record to \(file)")
        }
        try OutputError.write(data, to: path)
    }

    /// Removes what LibTorch wrote.
    func remove() { try? FileManager.default.removeItem(atPath: file) }
}
