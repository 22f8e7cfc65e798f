import Foundation
import Tensors
import TestKit
import Testing

/// What is left of a machine of 64 GiB and 32 processors, by the files that a system shows.
@Suite struct HostResourcesTests {
    private static let gibibyte = 1 << 30
    private static let unlimited = "9223372036854771712"
    private static let unified = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
    private static let memory = "31 23 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"
    private static let processors = "32 23 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct"

    private func resources(
        _ files: [String: String], limits: ProcessLimits = ProcessLimits(addresses: nil, data: nil)
    ) throws -> [Int] {
        let root = try TemporaryFolder()
        for (name, text) in files {
            let url = URL(fileURLWithPath: root.file(name))
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data("\(text)\n".utf8).write(to: url)
        }
        let found = HostResources(
            root: root.path, machine: 64 * Self.gibibyte, processors: 32, limits: limits)
        return [found.memory, found.processors]
    }

    private func gibibytes(_ count: Int) -> String { "\(count * Self.gibibyte)" }
    private let whole = [64 * gibibyte, 32]

    @Test func hasTheMachineWhereNothingLimitsIt() throws {
        #expect(try resources([:]) == whole)
        #expect(try resources(["proc/self/cgroup": "0::/", "proc/self/mountinfo": Self.unified]) == whole)
        #expect(
            try resources([
                "proc/self/cgroup": "0::/a", "proc/self/mountinfo": Self.unified, "sys/fs/cgroup/a/memory.max": "max",
                "sys/fs/cgroup/a/memory.high": "max", "sys/fs/cgroup/a/cpu.max": "max 100000",
            ]) == whole)
        #expect(
            try resources([
                "proc/self/cgroup": "4:memory:/a\n5:cpu,cpuacct:/a",
                "proc/self/mountinfo": "\(Self.memory)\n\(Self.processors)",
                "sys/fs/cgroup/memory/a/memory.limit_in_bytes": Self.unlimited,
                "sys/fs/cgroup/memory/a/memory.stat": "cache 0\nhierarchical_memory_limit \(Self.unlimited)",
                "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "-1",
                "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000",
            ]) == whole)
    }

    /// In a container the group lies at the root of what is mounted.
    @Test(arguments: [("150000 100000", 2), ("50000 100000", 1), ("400000 100000", 4), ("6400000 100000", 32)])
    func hasItsContainersShare(_ quota: String, _ count: Int) throws {
        let found = try resources([
            "proc/self/cgroup": "0::/", "proc/self/mountinfo": Self.unified, "sys/fs/cgroup/memory.max": gibibytes(6),
            "sys/fs/cgroup/cpu.max": quota,
        ])
        #expect(found == [6 * Self.gibibyte, count])
    }

    @Test(arguments: ["memory.max", "memory.high"]) func isHeldToTheLeastLimitOfAllGroupsAbove(_ file: String) throws {
        for path in ["sys/fs/cgroup", "sys/fs/cgroup/a b", "sys/fs/cgroup/a b/c", "sys/fs/cgroup/a b/c/d.service"] {
            var files = [
                "proc/self/cgroup": "0::/a b/c/d.service", "proc/self/mountinfo": Self.unified,
                "sys/fs/cgroup/a b/c/memory.max": gibibytes(9), "sys/fs/cgroup/a b/c/cpu.max": "900000 100000",
                "sys/fs/cgroup/other/memory.max": gibibytes(1), "sys/fs/cgroup/a b/c/d.service/e/memory.max": "1",
            ]
            files["\(path)/\(file)"] = gibibytes(3)
            files["\(path)/cpu.max"] = "300000 100000"
            #expect(try resources(files) == [3 * Self.gibibyte, 3], "\(path)")
        }
    }

    /// As in a container of version 1, where the kernel's path begins outside of what is mounted.
    @Test(arguments: ["/docker/x", "/docker/x/y", "/elsewhere", "/../z", "/"])
    func findsItsGroupInWhatIsMounted(_ path: String) throws {
        let found = try resources([
            "proc/self/cgroup": "3:cpuset:/\n4:memory:\(path)\n5:cpuacct,cpu:\(path)\n1:name=systemd:\(path)",
            "proc/self/mountinfo": """
            31 23 0:27 /docker/x /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory
            32 23 0:28 /docker/x /sys/fs/cgroup/cpu\\040time ro master:3 - cgroup cgroup rw,cpuacct,cpu
            """,
            "sys/fs/cgroup/memory/memory.limit_in_bytes": gibibytes(5),
            "sys/fs/cgroup/cpu time/cpu.cfs_quota_us": "250000", "sys/fs/cgroup/cpu time/cpu.cfs_period_us": "100000",
        ])
        #expect(found == [5 * Self.gibibyte, 3])
    }

    @Test func readsWhatVersion1SaysOfGroupsThatAreNotSeen() throws {
        let found = try resources([
            "proc/self/cgroup": "4:memory:/a\n0::/", "proc/self/mountinfo": "\(Self.memory)\n\(Self.unified)",
            "sys/fs/cgroup/memory/a/memory.limit_in_bytes": Self.unlimited,
            "sys/fs/cgroup/memory/a/memory.stat": "cache 17\nhierarchical_memory_limit \(gibibytes(4))\nrss 3",
        ])
        #expect(found == [4 * Self.gibibyte, 32])
    }

    @Test func isNotMisledByFilesThatSayNothing() throws {
        for text in ["", "?", "-1", "max", "99999999999999999999999999"] {
            let found = try resources([
                "proc/self/cgroup": "0::/\n\(text)", "proc/self/mountinfo": "\(Self.unified)\n\(text)",
                "sys/fs/cgroup/memory.high": text, "sys/fs/cgroup/cpu.max": text, "proc/self/statm": text,
            ])
            #expect(found == whole, "\(text)")
        }
    }

    /// Addresses without memory behind them count against the shell's limits, and not as memory.
    @Test func leavesWhatTheShellsLimitsLeave() throws {
        let page = sysconf(Int32(_SC_PAGESIZE))
        // 1,000 pages of addresses, 300 of memory, 500 of data.
        let statm = ["proc/self/statm": "1000 300 50 10 0 500 0"]
        func memory(_ addresses: Int?, _ data: Int?) throws -> Int? {
            try resources(statm, limits: ProcessLimits(addresses: addresses, data: data)).first
        }
        let limit = 8 * Self.gibibyte
        #expect(try memory(limit, nil) == limit - 700 * page)
        #expect(try memory(nil, limit) == limit - 200 * page)
        #expect(try memory(limit, limit) == limit - 700 * page)
        #expect(try memory(1000, nil) == 0)
        #expect(try memory(nil, nil) == 64 * Self.gibibyte)
        #expect(try resources([:], limits: ProcessLimits(addresses: limit, data: nil)).first == limit)
    }

    @Test func knowsThisMachine() {
        let resources = HostResources.current
        #expect(resources.memory > 0 && resources.memory <= HostResources.machineMemory)
        #expect((1...ProcessInfo.processInfo.processorCount).contains(resources.processors))
    }

    @Test func readsWhatNobodyUses() {
        #expect(HostResources.unusedMemory("MemTotal: 100 kB\nMemFree: 1 kB\nMemAvailable:   30 kB\n") == 30 << 10)
        for text in [
            "", "MemAvailable:", "MemAvailable: 3 MB", "MemAvailable: -x kB", "MemAvailable: 9223372036854775807 kB",
        ] {
            #expect(HostResources.unusedMemory(text) == nil)
        }
        let current = HostResources.current
        #expect((1...current.memory).contains(current.unusedMemory))
    }
}
