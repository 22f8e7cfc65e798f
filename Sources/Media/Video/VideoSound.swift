/// The sound of a video.
package struct VideoSound: Equatable, Sendable {
    /// Samples from -1 to 1 of each channel, equally many; left and right where there are two.
    package let channels: [[Float]]
    /// Samples of a channel in a second.
    package let rate: Int

    /// - Parameters:
    ///   - channels: samples from -1 to 1 of each channel, equally many
    ///   - rate: samples of a channel in a second
    package init(channels: [[Float]], rate: Int) { (self.channels, self.rate) = (channels, rate) }

    /// How many samples each channel has.
    var count: Int { channels.first?.count ?? 0 }
}
