import Tensors
import TestKit
import Testing

/// Three ranks with some tokens and all heads each, whose tokens come together with some heads, and go back.
@Suite struct HeadPartTests {
    private static let tokens = [2, 3, 1]
    private static let heads = [[0..<2, 2..<3, 3..<5], [0..<1, 1..<1, 1..<2]]
    private static let (batch, width) = (2, 3)

    /// A number of its own for each place of a tensor of the whole sequence.
    private static func number(_ tensor: Int, _ item: Int, _ head: Int, _ token: Int, _ place: Int) -> Float {
        Float((((tensor * 2 + item) * 8 + head) * 8 + token) * 4 + place)
    }

    /// Numbers of some items, tokens and heads, in that order or with the heads before the tokens.
    private static func numbers(_ tensor: Int, tokens: Range<Int>, heads: Range<Int>, headsFirst: Bool) -> [Float] {
        let outer = headsFirst ? heads : tokens
        let inner = headsFirst ? tokens : heads
        return (0..<batch).flatMap { item in
            outer.flatMap { first in
                inner.flatMap { second in
                    (0..<width).map {
                        number(tensor, item, headsFirst ? first : second, headsFirst ? second : first, $0)
                    }
                }
            }
        }
    }

    private static func ofRank(_ rank: Int) -> Range<Int> {
        let start = tokens[..<rank].reduce(0, +)
        return start..<start + tokens[rank]
    }

    @Test(arguments: [DType.float32, .float16]) func comesTogetherAndGoesBack(_ dtype: DType) async throws {
        let found = try await inGroup(of: 3) { group in
            let (rank, all) = (group.rank, [5, 2])
            let own = try (0..<2).map { tensor in
                let values = Self.numbers(
                    tensor, tokens: Self.ofRank(rank), heads: 0..<all[tensor], headsFirst: true)
                return try Tensor(values, shape: [Self.batch, all[tensor], Self.tokens[rank], Self.width]).to(dtype)
            }
            let together = try group.startPlacing(
                own, slot: 0, aside: true, sizes: { rank in Self.heads.map { (6, $0[rank].count) } },
                parts: { from, to in
                    (0..<2).map {
                        HeadPart(
                            tensor: $0, tokens: 0..<Self.tokens[from], heads: Self.heads[$0][to],
                            firstToken: Self.ofRank(from).lowerBound, firstHead: 0)
                    }
                }
            ).values()
            let back = try group.startPlacing(
                together.map { x in try x.transposed(1, 2) }, slot: 1,
                sizes: { rank in all.map { (Self.tokens[rank], $0) } },
                parts: { from, to in
                    (0..<2).map {
                        HeadPart(
                            tensor: $0, tokens: Self.ofRank(to), heads: 0..<Self.heads[$0][from].count,
                            firstToken: 0, firstHead: Self.heads[$0][from].lowerBound)
                    }
                }
            ).values()
            return try (together.map { try $0.floats() }, back.map { try $0.floats() }, back.map(\.shape))
        }
        for (rank, found) in found.enumerated() {
            for tensor in 0..<2 {
                let heads = Self.heads[tensor][rank]
                #expect(found.0[tensor] == Self.numbers(tensor, tokens: 0..<6, heads: heads, headsFirst: false))
                let all = [5, 2][tensor]
                #expect(
                    found.1[tensor]
                        == Self.numbers(tensor, tokens: Self.ofRank(rank), heads: 0..<all, headsFirst: false))
                #expect(found.2[tensor] == [Self.batch, Self.tokens[rank], all, Self.width])
            }
        }
    }
}
