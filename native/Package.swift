// swift-tools-version: 6.2
import PackageDescription

/// Where LibTorch is: `TORCH_HOME`, or the cache folder that `make setup` fills, for GPUs one of its own beside it.
///
/// What is built keeps the folder it was built with. Tools/setup/libtorch.sh says the same to the shell.
let environment = Context.environment
let cache = environment["XDG_CACHE_HOME"] ?? "\(environment["HOME"] ?? "")/.cache"
let device = environment["VISUALGEN_DEVICE"].flatMap { $0 == "cpu" || $0.isEmpty ? nil : "-\($0)" } ?? ""
let torch = environment["TORCH_HOME"] ?? "\(cache)/visualgen/libtorch-2.11.0\(device)"

let package = Package(
    name: "native",
    products: [
        // Dynamic and in a package of its own: the Swift binary then carries no symbol of LibTorch.
        .library(name: "CTorch", type: .dynamic, targets: ["CTorch"])
    ],
    targets: [
        .target(
            name: "CTorch",
            cxxSettings: [
                // What LibTorch's headers of process groups include and its folder lacks.
                .headerSearchPath("stubs"),
                // LibTorch's memory is read as types of ours: numbers of 16 bits, words, vectors.
                .unsafeFlags([
                    "-isystem", "\(torch)/include", "-isystem", "\(torch)/include/torch/csrc/api/include",
                    "-fvisibility=hidden", "-O3", "-fno-math-errno", "-fno-strict-aliasing",
                ]),
            ],
            linkerSettings: [
                .unsafeFlags(["-L\(torch)/lib", "-Xlinker", "-rpath=\(torch)/lib", "-Xlinker", "-zdefs"]),
                .linkedLibrary("torch_cpu"),
                .linkedLibrary("c10"),
                .linkedLibrary("m"),
                // The threads of LibTorch.
                .linkedLibrary(":libgomp.so.1"),
            ]
        )
    ],
    cxxLanguageStandard: .cxx20
)
