/// What keeps captured graphs.
package protocol GraphKeeper: AnyObject {
    /// What its graphs hold on the device at most, in bytes.
    var keptBytes: Int { get }
    /// Lets all go; they are captured again when they are next needed.
    func forget()
}

/// The graphs of all models of a device's thread, which hold memory between requests too.
package final class KeptGraphs {
    private struct Reference {
        weak var keeper: (any GraphKeeper)?
    }

    private var references: [Reference] = []

    /// What a graph of the stage that runs holds at most, in bytes.
    package var bytesOfStage = 0

    package init() {}

    /// What all hold at most, in bytes.
    package var bytes: Int { references.compactMap(\.keeper?.keptBytes).reduce(0, +) }

    /// Notes who keeps graphs, once for all of them.
    package func note(_ keeper: any GraphKeeper) {
        references.removeAll { $0.keeper == nil || $0.keeper === keeper }
        references.append(Reference(keeper: keeper))
    }

    /// Lets all go.
    package func forget() { for reference in references { reference.keeper?.forget() } }
}
