import Files
import Testing

@Suite struct MessageLimitTests {
    /// One character of many scalars, in an order that comparing it would first have to sort.
    private let marks = String(
        decoding: (0..<100_000).flatMap { Array((["\u{301}", "\u{323}", "\u{327}"] as [String])[$0 % 3].utf8) },
        as: UTF8.self)

    @Test func cutsAtAScalarAndOnlyWhatIsTooLong() {
        #expect("a fox".cut(toBytes: 5) == "a fox")
        #expect("a fox!".cut(toBytes: 5) == "a …")
        #expect("éééé".cut(toBytes: 6).utf8.elementsEqual("é…".utf8))
        #expect("😀😀".cut(toBytes: 7) == "😀…")
        for length in 4..<64 {
            let cut = marks.cut(toBytes: length)
            #expect(cut.utf8.count <= length && cut.utf8.count > length - 2)
        }
        #expect(marks.cut().utf8.count <= MessageLimit.bytes)
    }

    @Test func tellsAsManyTextsAsThereIsRoomForAndHowManyMoreThereAre() {
        let names = (0..<1000).map { "name\($0)" }
        #expect(names.prefix(3).list() == "name0, name1, name2")
        #expect(names.list(upTo: 2) == "name0, name1 and 998 more")
        #expect(names.list(separator: "; ", upTo: 1) == "name0; and 999 more")
        #expect([String]().list().isEmpty)
        let long = names.list()
        #expect(long.utf8.count <= MessageLimit.bytes && long.utf8.count > MessageLimit.bytes - 60)
        #expect(long.hasPrefix("name0, name1, ") && long.hasSuffix(" more"))
    }

    @Test func aRowOfLongTextsIsNoLongerThanAMessage() {
        for texts in [[marks], [marks, "b"], ["a", marks], [String](repeating: marks, count: 100)] {
            #expect(texts.list().utf8.count <= MessageLimit.bytes)
            #expect(texts.quotedList.utf8.count <= MessageLimit.bytes)
        }
    }

    @Test func comparesBytes() {
        #expect("é".hasBytes(of: "\u{E9}"))
        #expect(!"é".hasBytes(of: "e\u{301}"))
        #expect(!marks.hasBytes(of: "true"))
    }
}
