package import Tensors

/// The weights of a component that wait in the host's memory: all of them are there, and as many as there is room for are
/// on the device besides.
package final class OffloadedWeights {
    private let tensors: OffloadedTensors
    private let room: Int?
    private var sizes: [Int] = []
    private var staying: [Bool] = []
    /// Bytes of what belongs to no block.
    private var rest = 0
    private var schedule: OffloadSchedule?
    private var excess = 0

    /// Begins to take up what the calling thread makes.
    ///
    /// - Parameters:
    ///   - plan: how weights wait
    ///   - room: bytes of the device that they take as soon as they are read; nil for none
    package init(_ plan: OffloadPlan, room: Int? = nil) throws(TensorError) {
        (tensors, self.room) = (try OffloadedTensors(pinned: plan.isPinned), room)
    }

    /// Bytes of all weights.
    package var bytes: Int { sizes.reduce(rest, +) }

    /// Whether they have room on the device.
    package var isOnDevice: Bool { schedule != nil }

    /// How many blocks there are.
    var count: Int { sizes.count }

    /// Makes a block, whose numbers go to the host.
    ///
    /// - Parameters:
    ///   - stays: whether it is worth a room of its own
    ///   - make: makes the block
    /// - Returns: the block
    func block<Block>(staying stays: Bool, _ make: () throws -> Block) throws -> Block {
        tensors.setAside()
        let block = try make()
        sizes.append(try tensors.endGroup())
        staying.append(stays)
        return block
    }

    /// Takes up no more.
    func end() throws(TensorError) {
        rest = try tensors.endCollecting()
        if let room { try enter(leaving: bytes - room) }
    }

    /// Makes room on the device.
    ///
    /// - Parameter excess: bytes of the weights that there is no room for
    package func enter(leaving excess: Int) throws(TensorError) {
        // Room that is a little too small for what another request leaves is kept: making it anew fetches all weights.
        if schedule != nil, excess...excess + bytes / 16 ~= self.excess { return }
        try leave()
        let schedule = OffloadSchedule(sizes, staying: staying, leaving: excess)
        try tensors.makeRooms(schedule.rooms + [rest])
        (self.schedule, self.excess) = (schedule, excess)
        try tensors.fetch(sizes.count, into: schedule.rooms.count)
        try tensors.await(sizes.count)
    }

    /// Gives the device's memory back.
    package func leave() throws(TensorError) {
        guard schedule != nil else { return }
        schedule = nil
        try tensors.makeRooms([])
    }

    /// Has a block on the device for what is started next, and fetches those behind it meanwhile.
    ///
    /// - Parameter block: by number
    func use(_ block: Int) throws(TensorError) {
        for fetch in schedule?.use(block) ?? [] { try tensors.fetch(fetch.block, into: fetch.room) }
        try tensors.await(block)
    }
}
