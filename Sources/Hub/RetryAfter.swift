package import Foundation

/// The header by which a server says when to come back.
package enum RetryAfter {
    /// Reads the header.
    ///
    /// - Parameters:
    ///   - text: seconds, or a date in the form of HTTP
    ///   - now: what a date is compared with
    /// - Returns: how long to wait, nil where the header is absent or means nothing
    package static func wait(_ text: String?, now: Date = Date()) -> Duration? {
        guard let text else { return nil }
        if let seconds = Int(text), seconds >= 0 { return .seconds(min(seconds, 1_000_000)) }
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
        guard let date = format.date(from: text) else { return nil }
        return .seconds(min(max(date.timeIntervalSince(now), 0), 1_000_000))
    }
}
