internal import CLinux
internal import Glibc

/// What this process may have of the machine: in a container its share, under a limit of the shell what that leaves.
package struct HostResources: Sendable, Equatable {
    /// Bytes of memory.
    package let memory: Int
    /// How many threads may run at once.
    package let processors: Int

    /// Those of this process, as they were when they were first asked for.
    package static let current = HostResources()

    /// - Parameters:
    ///   - root: the folder in which `/proc` and the control groups are looked for
    ///   - machine: the bytes of memory that the machine has
    ///   - processors: how many processors this process may be scheduled on
    ///   - limits: the process's own
    package init(
        root: String = "", machine: Int = Self.machineMemory, processors: Int = Self.usableProcessors,
        limits: ProcessLimits = ProcessLimits()
    ) {
        let groups = ControlGroups(root: root)
        let bounds = [groups.memory, limits.memory(Self.footprint(root))].compactMap { $0 }
        memory = max(0, bounds.reduce(machine, min))
        self.processors = max(1, min(processors, groups.processors ?? processors))
    }

    /// The bytes of memory that the machine has.
    package static var machineMemory: Int {
        let (bytes, overflow) = sysconf(Int32(_SC_PHYS_PAGES)).multipliedReportingOverflow(by: pageSize)
        return overflow ? .max : bytes
    }

    /// The bytes of ``memory`` that nobody uses now, or only as a cache of files; all of them where the system does not say.
    package var unusedMemory: Int { min(memory, Self.unusedMemory(SystemFile.text("/proc/meminfo") ?? "") ?? memory) }

    /// - Parameter text: of `/proc/meminfo`
    /// - Returns: the bytes that it says are available
    package static func unusedMemory(_ text: String) -> Int? {
        let line = text.split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }
        let words = line?.split(separator: " ") ?? []
        guard words.count == 3, words[2] == "kB", let count = Int(words[1]) else { return nil }
        let (bytes, overflow) = count.multipliedReportingOverflow(by: 1024)
        return overflow ? nil : bytes
    }

    /// How many processors this process may be scheduled on.
    package static var usableProcessors: Int {
        let count = Int(linux_usable_processors())
        return count > 0 ? count : max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    }

    private static var pageSize: Int { sysconf(Int32(_SC_PAGESIZE)) }

    private static func footprint(_ root: String) -> ProcessLimits.Footprint {
        let pages = SystemFile.text("\(root)/proc/self/statm")?.split(separator: " ").map { Int($0) ?? 0 } ?? []
        guard pages.count > 5 else { return ProcessLimits.Footprint() }
        return ProcessLimits.Footprint(
            addresses: pages[0] * pageSize, resident: pages[1] * pageSize, data: pages[5] * pageSize)
    }
}
