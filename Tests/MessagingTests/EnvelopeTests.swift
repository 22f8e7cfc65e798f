import Messaging
import Testing

@Suite struct EnvelopeTests {
    private let key = MessageKey()
    private let body = Array("an image of a lake".utf8)

    @Test func comesOutAsItWentIn() throws {
        var (sender, receiver) = (Envelope(.toWorker, key: key), Envelope(.toWorker, key: key))
        for body in [body, [], [0]] { #expect(try receiver.open(sender.seal(body)) == body) }
    }

    @Test func believesNobodyWithoutTheKey() {
        var (sender, receiver) = (Envelope(.toWorker, key: MessageKey()), Envelope(.toWorker, key: key))
        #expect(throws: MessagingError.notAuthentic) { try receiver.open(sender.seal(body)) }
    }

    @Test func noticesEveryChangedBit() {
        var sender = Envelope(.toWorker, key: key)
        let sealed = sender.seal(body)
        for index in sealed.indices {
            for bit in 0..<8 {
                var changed = sealed
                changed[index] ^= 1 << UInt8(bit)
                var receiver = Envelope(.toWorker, key: key)
                #expect(throws: MessagingError.notAuthentic) { try receiver.open(changed) }
            }
        }
    }

    @Test func noticesAMissingEnd() {
        var sender = Envelope(.toWorker, key: key)
        let sealed = sender.seal(body)
        for count in 0..<sealed.count {
            var receiver = Envelope(.toWorker, key: key)
            #expect(throws: MessagingError.notAuthentic) { try receiver.open(Array(sealed[..<count])) }
        }
    }

    @Test func takesNoMessageTwice() throws {
        var (sender, receiver) = (Envelope(.toWorker, key: key), Envelope(.toWorker, key: key))
        let (first, second) = (sender.seal(body), sender.seal(body))
        #expect(try receiver.open(second) == body)
        #expect(throws: MessagingError.notAuthentic) { try receiver.open(second) }
        #expect(throws: MessagingError.notAuthentic) { try receiver.open(first) }
    }

    @Test func takesNoMessageOfTheOtherDirection() {
        var (sender, receiver) = (Envelope(.toEngine, key: key), Envelope(.toWorker, key: key))
        #expect(throws: MessagingError.notAuthentic) { try receiver.open(sender.seal(body)) }
    }

    @Test func aKeyIsReadFromItsDigitsAlone() throws {
        let copy = try #require(MessageKey(hexadecimal: key.hexadecimal))
        var (sender, receiver) = (Envelope(.toWorker, key: key), Envelope(.toWorker, key: copy))
        #expect(try receiver.open(sender.seal(body)) == body)
        #expect(key.hexadecimal != MessageKey().hexadecimal)
        for text in ["", "00", String(repeating: "g", count: 64), String(repeating: "0", count: 65)] {
            #expect(MessageKey(hexadecimal: text) == nil)
        }
    }
}
