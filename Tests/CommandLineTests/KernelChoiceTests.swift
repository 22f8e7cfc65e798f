import Foundation
import TestKit
import Testing

/// Which kernels a process of its own takes, as `bench product` tells.
@Suite struct KernelChoiceTests {
    private func choice(of kernel: String, environment: String, in program: VisualGen) async throws -> String {
        let outcome = try await program.shell(
            "XDG_CACHE_HOME=\"$PWD/cache\" \(environment) \"$0\" bench product --dtype bfloat16 --runs 1")
        #expect(outcome.status == 0, "\(outcome.testDescription)")
        let report = try #require(
            try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
        let kernels = try #require(report["kernels"] as? [String])
        return try #require(kernels.first { $0.hasPrefix("\(kernel) bfloat16: ") })
    }

    private func name(in choice: String) -> Substring? { choice.split(separator: " ").dropFirst(2).first }

    @Test func measuresOnceForAProcessor() async throws {
        let program = try VisualGen()
        let first = try await choice(of: "product", environment: "", in: program)
        let second = try await choice(of: "product", environment: "", in: program)
        #expect(name(in: first) == name(in: second))
        if first.contains("the only one here") {
            #expect(second == first)
        } else {
            #expect(first.contains("(measured: ") && second.contains("(measured before: "))
            let wide = try await choice(
                of: "product", environment: "VISUALGEN_KERNELS=attention.bfloat16=singles,product.bfloat16=wide",
                in: program)
            #expect(wide == "product bfloat16: wide (asked for by VISUALGEN_KERNELS)")
        }
    }

    @Test func measuresAgainWhereItCannotRemember() async throws {
        let program = try VisualGen()
        try Data("no folder".utf8).write(to: URL(fileURLWithPath: program.folder.path + "/cache"))
        let first = try await choice(of: "product", environment: "", in: program)
        let second = try await choice(of: "product", environment: "", in: program)
        #expect(!first.contains("before") && !second.contains("before"))
    }

    @Test func readsNothingIntoADamagedMemory() async throws {
        let program = try VisualGen()
        _ = try await choice(of: "product", environment: "", in: program)
        let folder = program.folder.path + "/cache/visualgen/kernels"
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
            try Data("product.bfloat16\nproduct.bfloat16 x,y x\n\u{0}\u{1}".utf8)
                .write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
        }
        let again = try await choice(of: "product", environment: "", in: program)
        #expect(!again.contains("before"))
    }
}
