import Layers
import Testing

@Suite struct KeptGraphsTests {
    private final class Keeper: GraphKeeper {
        var keptBytes: Int
        init(_ bytes: Int) { keptBytes = bytes }
        func forget() { keptBytes = 0 }
    }

    @Test func sumsAndForgetsWhatIsKept() {
        let (graphs, first) = (KeptGraphs(), Keeper(3))
        #expect(graphs.bytes == 0)
        graphs.note(first)
        var second: Keeper? = Keeper(4)
        second.map(graphs.note)
        graphs.note(first)
        #expect(graphs.bytes == 7)
        // What belongs to weights goes with them.
        second = nil
        #expect(graphs.bytes == 3)
        graphs.forget()
        #expect(graphs.bytes == 0 && first.keptBytes == 0)
    }
}
