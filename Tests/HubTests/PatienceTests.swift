internal import Foundation
internal import Hub
internal import Testing

@Suite struct PatienceTests {
    @Test func waitsLongerAfterEachFailureUpToALimit() {
        var patience = Patience()
        patience.firstDelay = .seconds(1)
        patience.longestDelay = .seconds(6)
        for (failures, longest) in [(1, 1.0), (2, 2), (3, 4), (4, 6), (60, 6)] {
            let delay = patience.delay(after: failures, asked: nil) / .seconds(1)
            #expect(delay <= longest && delay >= longest / 2)
        }
    }

    @Test func waitsAsLongAsAskedUpToALimit() {
        let patience = Patience()
        #expect(patience.delay(after: 4, asked: .seconds(7)) == .seconds(7))
        #expect(patience.delay(after: 1, asked: .seconds(100_000)) == patience.longestRetryAfter)
    }

    @Test func readsSecondsAndDates() {
        let now = Date(timeIntervalSince1970: 784_111_770)
        #expect(RetryAfter.wait("120") == .seconds(120))
        #expect(RetryAfter.wait("Sun, 06 Nov 1994 08:49:37 GMT", now: now) == .seconds(7))
        #expect(RetryAfter.wait("Sun, 06 Nov 1994 08:49:20 GMT", now: now) == .zero)
        #expect(RetryAfter.wait("99999999999999999999", now: now) == nil)
        #expect(RetryAfter.wait("-1", now: now) == nil)
        #expect(RetryAfter.wait("soon", now: now) == nil)
        #expect(RetryAfter.wait(nil, now: now) == nil)
    }
}
