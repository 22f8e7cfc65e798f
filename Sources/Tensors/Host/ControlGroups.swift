/// The control groups that this process is in, with all that are above them: containers and services are held to their limits.
struct ControlGroups {
    /// The folders of the groups, of version 2, and of version 1's controllers of memory and of processors.
    private let unified, memoryController, processorController: [String]

    /// - Parameter root: the folder in which `/proc` and the mounts are looked for
    init(root: String) {
        let groups = (SystemFile.text("\(root)/proc/self/cgroup") ?? "").split(separator: "\n").map(Group.init)
        let mounts = ControlGroupMount.all(root: root)
        func folders(_ controller: String?) -> [String] {
            guard let mount = mounts.first(where: { $0.holds(controller) }) else { return [] }
            let path = groups.first { $0.holds(controller) }?.path ?? "/"
            return mount.folders(of: path).map { root + $0 }
        }
        (unified, memoryController, processorController) = (folders(nil), folders("memory"), folders("cpu"))
    }

    /// The least of the limits on memory, in bytes; nil if there is none.
    ///
    /// Beyond `memory.high` nothing is killed, but everything is slowed down until it is below again.
    var memory: Int? {
        let files =
            unified.flatMap { ["\($0)/memory.max", "\($0)/memory.high"] }
            + memoryController.map { "\($0)/memory.limit_in_bytes" }
        let limits = files.map { SystemFile.words($0).first.flatMap { Int($0) } }
        return (limits + [inheritedMemory]).compactMap { $0 }.filter { $0 >= 0 }.min()
    }

    /// The least of the limits on processors, rounded up; nil if there is none.
    var processors: Int? {
        let quotas = unified.map { SystemFile.words("\($0)/cpu.max") }
        let oldQuotas = processorController.map {
            SystemFile.words("\($0)/cpu.cfs_quota_us") + SystemFile.words("\($0)/cpu.cfs_period_us")
        }
        return (quotas + oldQuotas).compactMap(Self.processors).min()
    }

    /// What version 1 says of all groups above the process's, whether they are seen from here or not.
    private var inheritedMemory: Int? {
        guard let own = memoryController.first else { return nil }
        let lines = (SystemFile.text("\(own)/memory.stat") ?? "").split(separator: "\n")
        let words = lines.map { $0.split(separator: " ") }.first { $0.first == "hierarchical_memory_limit" }
        return words?.last.flatMap { Int($0) }
    }

    /// - Parameter words: time that may be used, and in how much; `max` or a negative number is no limit
    /// - Returns: how many processors that is, rounded up; nil for no limit
    private static func processors(_ words: [Substring]) -> Int? {
        guard words.count == 2, let quota = Int(words[0]), let period = Int(words[1]), quota > 0, period > 0 else {
            return nil
        }
        return quota / period + (quota % period == 0 ? 0 : 1)
    }

    /// A line of `/proc/self/cgroup`.
    private struct Group {
        private let controllers: [Substring]
        let path: String

        init(_ line: Substring) {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            controllers = fields.count == 3 ? fields[1].split(separator: ",") : ["?"]
            path = fields.count == 3 ? String(fields[2]) : "/"
        }

        /// - Parameter controller: of version 1; nil for version 2
        /// - Returns: whether this is its group
        func holds(_ controller: String?) -> Bool {
            controller.map { controllers.contains(Substring($0)) } ?? controllers.isEmpty
        }
    }
}
