import Diffusion
import Layers
import TestKit
import Testing

@Suite struct PixelResamplingTests {
    private static let sizes = [
        "37x23", "74x46", "20x41", "16x16", "37x5", "3x23", "1x1", "111x2", "35x22", "31x11", "31x10",
    ]
    private static let cases =
        sizes.flatMap { ["small.lanczos.\($0)", "small.bicubic.\($0)"] }
        + ["large.lanczos.17x13", "large.bicubic.17x13"]

    @Test(arguments: cases) func agreesWithPillowToTheByte(_ name: String) throws {
        let golden = try Golden("wan/image")
        let image = try golden.tensor("resize.\(name.split(separator: ".")[0])").image
        let expected = try golden.tensor("resize.\(name)").image
        let filter: ResamplingFilter = name.contains("lanczos") ? .lanczos : .bicubic
        #expect(image.resized(width: expected.width, height: expected.height, filter: filter) == expected)
    }

    @Test func resizesEachImageOfABatchAsIfAlone() throws {
        let golden = try Golden("wan/image")
        let first = try golden.tensor("resize.small").image
        let second = PixelBatch(count: 1, height: 23, width: 37, bytes: first.bytes.reversed())
        let both = PixelBatch(count: 2, height: 23, width: 37, bytes: first.bytes + second.bytes)
        let resized = both.resized(width: 20, height: 41, filter: .lanczos)
        #expect(resized.item(0) == first.resized(width: 20, height: 41, filter: .lanczos).bytes)
        #expect(resized.item(1) == second.resized(width: 20, height: 41, filter: .lanczos).bytes)
    }

    @Test(arguments: [ResamplingFilter.lanczos, .bicubic]) func keepsAFlatColour(_ filter: ResamplingFilter) {
        let flat = PixelBatch(count: 1, height: 9, width: 7, bytes: [UInt8](repeating: 201, count: 189))
        let resized = flat.resized(width: 31, height: 2, filter: filter)
        #expect(resized.bytes == [UInt8](repeating: 201, count: 186))
    }

    @Test func cropsTheMiddle() {
        let bytes = (0..<UInt8(20)).flatMap { [$0, $0 + 100, $0 + 200] }
        let image = PixelBatch(count: 1, height: 4, width: 5, bytes: bytes)
        let cropped = image.centreCropped(height: 2, width: 2)
        #expect(stride(from: 0, to: 12, by: 3).map { cropped.bytes[$0] } == [6, 7, 11, 12])
        let wider = image.centreCropped(height: 1, width: 8)
        #expect(stride(from: 0, to: 24, by: 3).map { wider.bytes[$0] } == [0, 0, 5, 6, 7, 8, 9, 0])
    }

    /// Larger and smaller, columns first and rows first, one side as it is, and crops that reach beyond the image.
    @Test(arguments: [(20, 41), (61, 9), (33, 40), (7, 33), (90, 8), (33, 61), (1, 1)], [(9, 5), (64, 3), (50, 70)])
    func computesNoMoreOfAnImageThanACropKeeps(_ size: (height: Int, width: Int), _ crop: (height: Int, width: Int)) {
        var state: UInt32 = 1
        let bytes = (0..<2 * 33 * 61 * 3).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return UInt8(state >> 24)
        }
        let images = PixelBatch(count: 2, height: 33, width: 61, bytes: bytes)
        for filter in [ResamplingFilter.lanczos, .bicubic] {
            let whole = images.resized(width: size.width, height: size.height, filter: filter)
            let part = images.resized(
                width: size.width, height: size.height, filter: filter, croppedTo: crop.height, crop.width)
            #expect(part == whole.centreCropped(height: crop.height, width: crop.width))
        }
    }

    @Test func knowsPillowsNumbers() {
        #expect(ResamplingFilter(pillow: 1) == .lanczos)
        #expect(ResamplingFilter(pillow: 3) == .bicubic)
        #expect(ResamplingFilter(pillow: 2) == .bilinear)
        for number in [-1, 0, 4, 5, 6] { #expect(ResamplingFilter(pillow: number) == nil) }
    }
}

extension GoldenTensor {
    /// One image, from `[height, width, 3]`.
    var image: PixelBatch { PixelBatch(count: 1, height: shape[0], width: shape[1], bytes: bytes) }
}
