import Media
import Testing

@Suite struct ImageH264Tests {
    /// Slopes of colour with a little noise.
    private func image(_ width: Int, _ height: Int) throws -> Image {
        var pixels: [UInt8] = []
        for y in 0..<height {
            for x in 0..<width {
                let noise = (x * 7 + y * 13) % 9
                pixels += [UInt8(x * 200 / width + noise), UInt8(y * 200 / height + noise), UInt8(100 + noise)]
            }
        }
        return try Image(width: width, height: height, pixels: pixels)
    }

    private func error(_ a: Image, _ b: Image) -> Double {
        let squares = zip(a.pixels, b.pixels).map { pow2(Double($0) - Double($1)) }
        return (squares.reduce(0, +) / Double(squares.count)).squareRoot()
    }

    private func pow2(_ x: Double) -> Double { x * x }

    /// The stronger the compression, the further the image.
    @Test func losesMoreTheStrongerItIsCompressed() throws {
        let whole = try image(160, 96)
        let errors = try [1, 18, 33, 48].map { try error(whole, whole.compressedByH264(crf: $0)) }
        #expect(errors == errors.sorted())
        #expect(errors[0] < 2 && errors[2] > 1.5 && errors[3] < 25, "\(errors)")
    }

    @Test func makesTheSameEveryTime() throws {
        let whole = try image(104, 72)
        let first = try whole.compressedByH264(crf: 33)
        for _ in 0..<5 { #expect(try whole.compressedByH264(crf: 33) == first) }
    }

    @Test func leavesOutAnOddLastRowAndColumn() throws {
        let odd = try image(65, 35)
        let made = try odd.compressedByH264(crf: 20)
        #expect(made.width == 64 && made.height == 34)
        #expect(throws: MediaError.self) { try image(1, 8).compressedByH264(crf: 20) }
    }
}
