import Engine
import Testing

@Suite struct ExternalLaunchTests {
    @Test func readsTorchrunsVariables() throws {
        let launch = try #require(
            try ExternalLaunch.read([
                "RANK": "3", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "MASTER_ADDR": "head", "MASTER_PORT": "1234",
            ]))
        #expect((launch.rank, launch.worldSize, launch.localRank) == (3, 8, 1))
        #expect((launch.masterAddress, launch.masterPort) == ("head", 1234))
    }

    @Test func readsSLURMsVariablesWhereTorchrunsAreAbsent() throws {
        let slurm = ["SLURM_PROCID": "1", "SLURM_NTASKS": "2", "SLURM_LOCALID": "0", "MASTER_ADDR": "10.0.0.1"]
        let launch = try #require(try ExternalLaunch.read(slurm))
        #expect((launch.rank, launch.worldSize, launch.localRank, launch.masterPort) == (1, 2, 0, 29500))
        let both = slurm.merging(["RANK": "2", "WORLD_SIZE": "3"]) { $1 }
        #expect(try ExternalLaunch.read(both)?.rank == 2)
    }

    @Test(arguments: [
        [:], ["RANK": "0", "WORLD_SIZE": "1"], ["SLURM_NTASKS": "4"], ["SLURM_PROCID": "0", "SLURM_NTASKS": "1"],
    ])
    func aProcessByItselfIsNotLaunched(_ environment: [String: String]) throws {
        #expect(try ExternalLaunch.read(environment) == nil)
    }

    @Test(arguments: [
        (["RANK": "0"], ["RANK and WORLD_SIZE are needed together"]),
        (["RANK": "0", "WORLD_SIZE": "2"], ["MASTER_ADDR is needed with WORLD_SIZE"]),
        (
            ["RANK": "2", "WORLD_SIZE": "2", "MASTER_ADDR": "", "MASTER_PORT": "70000"],
            [
                "RANK is 2; it must be a whole number from 0 to 1",
                "MASTER_PORT is 70000; it must be a whole number from 1 to 65535",
                "MASTER_ADDR is needed with WORLD_SIZE",
            ]
        ),
        (
            ["SLURM_PROCID": "x", "SLURM_NTASKS": "-1", "MASTER_ADDR": "head"],
            [
                "SLURM_NTASKS is -1; it must be a whole number from 1 to 65536",
                "SLURM_PROCID is x; it must be a whole number from 0 to 65535",
            ]
        ),
    ])
    func tellsAllThatIsWrong(_ environment: [String: String], _ problems: [String]) {
        #expect(throws: ExternalLaunchError(problems: problems)) { try ExternalLaunch.read(environment) }
    }
}
