import Media
import Testing

@Suite struct PNGTextTests {
    let texts = [
        PNGText(keyword: "prompt", text: "a cat\non a roof"), PNGText(keyword: "Schlüssel", text: "café £½"),
        PNGText(keyword: "prompt", text: "屋根の上の猫 🐈"), PNGText(keyword: "empty", text: ""),
        PNGText(keyword: "control", text: "tab\there"),
    ]

    @Test func carriesTextsInOrder() throws {
        let image = try MediaGoldens.image(width: 9, height: 9)
        let bytes = try image.encoded(.png(text: texts))
        #expect(try PNGText.read(bytes) == texts)
        #expect(try Image(decoding: bytes) == image)
    }

    @Test func writesLatin1PlainlyAndTheRestAsUTF8() throws {
        let bytes = try MediaGoldens.image(width: 2, height: 2).encoded(.png(text: texts))
        let plain = ImageBytes.chunk("tEXt", Array("prompt\0a cat\non a roof".utf8))
        let unicode = ImageBytes.chunk("iTXt", Array("prompt\0\0\0\0\0屋根の上の猫 🐈".utf8))
        #expect(Array(bytes[33...].prefix(plain.count)) == plain)
        #expect(bytes.indices.contains { bytes[$0...].starts(with: unicode) })
    }

    @Test func takesALongText() throws {
        let long = [PNGText(keyword: "k", text: String(repeating: "long ", count: 200_000))]
        #expect(try PNGText.read(MediaGoldens.image(width: 2, height: 2).encoded(.png(text: long))) == long)
    }

    @Test func refusesMoreTextThanItReads() throws {
        let image = try MediaGoldens.image(width: 2, height: 2)
        let text = String(repeating: "long ", count: 200_000)
        let most = "10000 texts and 4194304 bytes of them"
        let error = MediaError.unsupported(.png, "it has more than \(most), which is the most that is read")
        let folder = try MediaFolder()
        for texts in [
            Array(repeating: PNGText(keyword: "k", text: text), count: 5),
            Array(repeating: PNGText(keyword: "k", text: ""), count: 10_001),
        ] {
            let bytes = try image.encoded(.png(text: texts))
            #expect(throws: error) { try PNGText.read(bytes) }
            let path = try folder.write("a.png", bytes)
            #expect(throws: error) { try PNGText.read(path: path) }
            #expect(try Image(path: path) == image)
        }
    }

    @Test func readsAFileAsItReadsBytes() throws {
        let folder = try MediaFolder()
        let padding = ImageBytes.chunk("paDd", [UInt8](repeating: 7, count: 200_000))
        let header = ImageBytes.header(1, 1)
        let text = ImageBytes.chunk("tEXt", Array("k\0text".utf8))
        let pixels = ImageBytes.chunk("IDAT", ImageBytes.stored([0, 1, 2, 3]))
        let expected = [PNGText(keyword: "k", text: "text"), PNGText(keyword: "k", text: "text")]
        for end in [ImageBytes.chunk("IEND"), []] {
            let bytes = ImageBytes.png(header, padding, text, padding, pixels, text, end)
            #expect(try PNGText.read(bytes) == expected)
            #expect(try PNGText.read(path: folder.write("a.png", bytes)) == expected)
        }
        #expect(throws: MediaError.cannotRead(path: "/nowhere/a.png", reason: "No such file or directory")) {
            try PNGText.read(path: "/nowhere/a.png")
        }
        #expect(throws: MediaError.cannotRead(path: "/dev/zero", reason: "Not a regular file")) {
            try PNGText.read(path: "/dev/zero")
        }
    }

    @Test(arguments: ["", " a", "a ", "a  b", "a\0b", "a\nb", "猫", String(repeating: "k", count: 80)])
    func refusesAKeywordThatPNGCannotHold(_ keyword: String) throws {
        let image = try MediaGoldens.image(width: 2, height: 2)
        #expect(throws: MediaError.textKeyword(keyword)) {
            try image.encoded(.png(text: [PNGText(keyword: keyword, text: "t")]))
        }
    }

    @Test func refusesANULInAText() throws {
        let image = try MediaGoldens.image(width: 2, height: 2)
        #expect(throws: MediaError.textHoldsNUL(keyword: "k")) {
            try image.encoded(.png(text: [PNGText(keyword: "k", text: "a\0b")]))
        }
    }

    @Test func passesOverWhatIsNoText() throws {
        let header = ImageBytes.header(1, 1)
        let end = ImageBytes.chunk("IEND")
        let file = ImageBytes.png(
            header, ImageBytes.chunk("tEXt", Array("no separator".utf8)), ImageBytes.chunk("tEXt", [0, 65]),
            ImageBytes.chunk("tEXt"), ImageBytes.chunk("iTXt", Array("k\0".utf8)),
            ImageBytes.chunk("iTXt", Array("k\0\0\0en".utf8)),
            ImageBytes.chunk("iTXt", Array("k\0\u{1}\0\0\0x".utf8)),
            ImageBytes.chunk("iTXt", Array("k\0\0\0\0\0".utf8) + [0xFF, 0xFE]),
            ImageBytes.chunk("zTXt", Array("k\0\0x".utf8)), ImageBytes.chunk("tEXt", [0xE9, 0, 0xFF]),
            ImageBytes.chunk("iTXt", Array("k\0\0\0en\0clé\0text".utf8)), end)
        #expect(try PNGText.read(file) == [PNGText(keyword: "é", text: "ÿ"), PNGText(keyword: "k", text: "text")])
    }

    @Test func refusesADamagedFile() throws {
        let text = ImageBytes.chunk("tEXt", Array("k\0text".utf8))
        let header = ImageBytes.header(1, 1)
        #expect(throws: MediaError.notAnImage) { try PNGText.read([]) }
        #expect(throws: MediaError.damaged(.png, "it ends before its last chunk")) {
            try PNGText.read(ImageBytes.png(header, text))
        }
        #expect(throws: MediaError.damaged(.png, "the checksum of its chunk tEXt is wrong")) {
            try PNGText.read(ImageBytes.png(header, text.dropLast() + [text[text.count - 1] ^ 1]))
        }
        #expect(throws: MediaError.damaged(.png, "its chunk tEXt claims 2147483648 bytes, more than there are")) {
            try PNGText.read(ImageBytes.png(header, [0x80, 0, 0, 0] + text.dropFirst(4)))
        }
    }

    @Test func survivesMutants() throws {
        let bytes = try MediaGoldens.image(width: 4, height: 4).encoded(.png(text: texts))
        var random = SmallRandom(state: 7)
        for round in 0..<10_000 {
            var mutant = bytes
            for _ in 0..<Int.random(in: 1...5, using: &random) {
                let place = Int.random(in: 0..<mutant.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: mutant[place] = UInt8.random(in: 0...255, using: &random)
                case 1: mutant.remove(at: place)
                default: mutant.removeLast(Int.random(in: 0..<mutant.count / 2, using: &random))
                }
            }
            if round.isMultiple(of: 2) { ImageFuzzTests.mendChecksums(&mutant) }
            let texts = (try? PNGText.read(mutant)) ?? []
            #expect(texts.allSatisfy { 1...79 ~= $0.keyword.unicodeScalars.count })
        }
    }
}
