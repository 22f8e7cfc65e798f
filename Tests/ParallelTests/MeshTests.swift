import Parallel
import Testing

@Suite struct MeshTests {
    private static func layout(_ change: (inout ParallelLayout) -> Void) -> Mesh {
        var layout = ParallelLayout()
        change(&layout)
        return Mesh(layout)
    }

    /// rank = ((guidance · tensor + t) · context + c) · ulysses + u.
    @Test func numbersRanksAsTensorRTLLM() {
        let mesh = Self.layout { layout in
            (layout.guidance, layout.tensor, layout.context, layout.ulysses) = (2, 3, .ring(2), 2)
        }
        #expect(mesh.layout.count == 24)
        for guidance in 0..<2 {
            for tensor in 0..<3 {
                for context in 0..<2 {
                    for ulysses in 0..<2 {
                        let rank = ((guidance * 3 + tensor) * 2 + context) * 2 + ulysses
                        let place = Mesh.Place(guidance: guidance, tensor: tensor, context: context, ulysses: ulysses)
                        #expect(mesh.place(of: rank) == place)
                    }
                }
            }
        }
        #expect(mesh.members(.ulysses, with: 6) == [6, 7])
        #expect(mesh.members(.ring, with: 6) == [4, 6])
        #expect(mesh.members(.sequence, with: 6) == [4, 5, 6, 7])
        #expect(mesh.members(.tensor, with: 6) == [2, 6, 10])
        #expect(mesh.members(.guidance, with: 6) == [6, 18])
        #expect(mesh.members(.row, with: 6) == [6])
        #expect(mesh.members(.column, with: 6) == [6])
        #expect(mesh.members(.world, with: 6) == Array(0..<24))
    }

    @Test func hasRowsAndColumns() {
        let mesh = Self.layout { layout in (layout.context, layout.ulysses) = (.mesh(rows: 2, columns: 3), 2) }
        #expect(mesh.layout.count == 12)
        #expect(mesh.members(.row, with: 2) == [0, 2, 4])
        #expect(mesh.members(.column, with: 2) == [2, 8])
        #expect(mesh.members(.ring, with: 2) == [2])
        #expect(mesh.members(.ulysses, with: 2) == [2, 3])
    }

    @Test func sharesDecodingAmongTheFirst() {
        let mesh = Self.layout { layout in (layout.ulysses, layout.decoding) = (4, 3) }
        #expect(mesh.members(.decoding, with: 1) == [0, 1, 2])
        #expect(mesh.members(.decoding, with: 3) == [3])
    }

    /// Every axis cuts the ranks into groups: who is in mine has me in its own.
    @Test(arguments: Mesh.Axis.allCases) func cutsRanksIntoGroups(_ axis: Mesh.Axis) {
        let meshes = [
            Self.layout { $0.ulysses = 5 }, Self.layout { ($0.guidance, $0.tensor, $0.ulysses) = (2, 2, 2) },
            Self.layout { ($0.guidance, $0.context, $0.decoding) = (2, .mesh(rows: 3, columns: 2), 6) },
        ]
        for mesh in meshes {
            for rank in 0..<mesh.layout.count {
                let members = mesh.members(axis, with: rank)
                #expect(members.contains(rank))
                #expect(members.allSatisfy { mesh.members(axis, with: $0) == members })
            }
        }
    }
}

@Suite struct ShardsTests {
    @Test func differByOneAtMostAndLeaveNothing() {
        for count in 0..<30 {
            for parts in 1..<9 {
                let shards = Shards(count, into: parts)
                #expect(shards.counts.reduce(0, +) == count)
                #expect((shards.counts.max() ?? 0) - (shards.counts.min() ?? 0) <= 1)
                #expect((0..<parts).flatMap { Array(shards.range($0)) } == Array(0..<count))
            }
        }
    }
}
