/// The size of the sound of a batch of videos.
package struct SoundShape: Sendable, Equatable, Codable {
    /// How many videos.
    package let count: Int
    /// 1, or 2 for left and right.
    package let channels: Int
    /// Of each channel.
    package let samples: Int
    /// Samples of a channel in a second.
    package let rate: Int

    /// - Parameters:
    ///   - count: how many videos
    ///   - channels: 1, or 2 for left and right
    ///   - samples: of each channel
    ///   - rate: samples of a channel in a second
    package init(count: Int, channels: Int, samples: Int, rate: Int) {
        (self.count, self.channels, self.samples, self.rate) = (count, channels, samples, rate)
    }

    /// The numbers of one video's sound.
    package var itemSize: Int { channels * samples }
}

/// The whole sound of every video of a batch, in host memory.
package struct SoundPart: Sendable, Equatable {
    package let shape: SoundShape
    /// From -1 to 1, `[count, channels, samples]`.
    package let samples: [Float]

    /// - Parameters:
    ///   - shape: its size
    ///   - samples: `[count, channels, samples]`
    package init(_ shape: SoundShape, samples: [Float]) { (self.shape, self.samples) = (shape, samples) }

    /// What one of several requests of a batch is given, each of which has equally many videos.
    ///
    /// - Parameters:
    ///   - index: which request
    ///   - count: how many requests there are
    /// - Returns: its share
    package func share(_ index: Int, of count: Int) -> SoundPart {
        if count == 1 { return self }
        let size = samples.count / count
        return SoundPart(
            SoundShape(
                count: shape.count / count, channels: shape.channels, samples: shape.samples, rate: shape.rate),
            samples: Array(samples[index * size..<(index + 1) * size]))
    }
}
