package import Files

extension VideoSound {
    /// Writes the sound as a WAV file of 16-bit samples, which appears whole or not at all.
    ///
    /// - Parameter path: where it goes
    /// - Throws: `FileError`
    package func writeWAV(to path: String) throws(FileError) {
        try AtomicFile.write(wav, to: path)
    }

    /// The file: a header of 44 bytes, then the channels' samples in turn.
    private var wav: [UInt8] {
        let size = 2 * channels.count * count
        func little(_ number: Int, _ bytes: Int) -> [UInt8] {
            (0..<bytes).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
        }
        var file = Array("RIFF".utf8) + little(36 + size, 4) + Array("WAVEfmt ".utf8) + little(16, 4)
        // Samples as they are, how many a second, and how many bytes of all channels together.
        file += little(1, 2) + little(channels.count, 2) + little(rate, 4)
        file += little(2 * channels.count * rate, 4) + little(2 * channels.count, 2) + little(16, 2)
        file += Array("data".utf8) + little(size, 4)
        file.reserveCapacity(44 + size)
        for index in 0..<count {
            for channel in channels {
                let level = min(max(channel[index].isNaN ? 0 : channel[index], -1), 1)
                file += little(Int((level * 32767).rounded()), 2)
            }
        }
        return file
    }
}
