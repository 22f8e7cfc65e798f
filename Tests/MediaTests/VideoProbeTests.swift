import Foundation
import Media
import Testing

/// Where ffprobe is, or nil.
private let program = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    .map { "\($0)/ffprobe" }.first { FileManager.default.isExecutableFile(atPath: $0) }

/// What an independent program says of the files.
@Suite(.enabled(if: program != nil, "ffprobe is not installed")) struct VideoProbeTests {
    @Test(arguments: [
        ("a.mp4", "h264,yuv420p,tv,bt709,bt709,bt709,30000/1001,17"),
        ("a.webm", "vp9,yuv420p,tv,bt709,bt709,bt709,30000/1001,17"),
        ("a.avi", "mjpeg,yuvj420p,pc,bt470bg,unknown,unknown,30000/1001,17"),
        ("a.gif", "gif,bgra,unknown,unknown,unknown,unknown,,17"),
    ])
    func findsWhatWasWritten(_ name: String, _ expected: String) throws {
        let folder = try MediaFolder()
        let path = "\(folder.path)/\(name)"
        try TestVideo.write(to: path, frames: 17, width: 96, height: 64, rate: 29.97)
        let keys = [
            "codec_name", "pix_fmt", "color_range", "color_space", "color_transfer", "color_primaries",
            "avg_frame_rate", "nb_read_frames",
        ]
        let values = try Self.probe(path, keys)
        for (key, value) in zip(keys, expected.split(separator: ",", omittingEmptySubsequences: false))
        where !value.isEmpty {
            #expect(values[key] ?? "unknown" == value, "\(key)")
        }
        let duration = Double(values["duration"] ?? "") ?? 0
        #expect(abs(duration - 17 / 29.97) < (name.hasSuffix("gif") ? 0.02 : 0.0015))
    }

    private static func probe(_ path: String, _ keys: [String]) throws -> [String: String] {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: program ?? "")
        process.arguments = [
            "-v", "error", "-count_frames", "-show_entries", "stream=\(keys.joined(separator: ",")):format=duration",
            "-of", "default=noprint_wrappers=1", path,
        ]
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        var values: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { values[String(parts[0])] = String(parts[1]) }
        }
        return values
    }
}
