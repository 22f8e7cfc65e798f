// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

/// Every target is held to the same rules.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "VisualGen",
    products: [
        .executable(name: "visualgen", targets: ["Command"]),
        .library(name: "VisualGen", targets: ["VisualGen"]),
    ],
    dependencies: [
        .package(path: "native"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.14.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        .target(
            name: "Tensors", dependencies: ["CLinux", "Files", .product(name: "CTorch", package: "native")],
            swiftSettings: strict),
        .target(name: "Files", swiftSettings: strict),
        .target(
            name: "Hub",
            dependencies: [
                "Files",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .target(name: "Parallel", dependencies: ["Tensors"], swiftSettings: strict),
        .target(name: "Layers", dependencies: ["Files", "Parallel", "Tensors"], swiftSettings: strict),
        .target(name: "Tokenizers", dependencies: ["Files"], swiftSettings: strict),
        .target(name: "PromptCleaning", dependencies: ["Tokenizers"], swiftSettings: strict),
        .target(name: "Diffusion", dependencies: ["Files", "Layers", "Parallel", "Tensors"], swiftSettings: strict),
        .target(
            name: "Models", dependencies: ["Diffusion", "Layers", "Media", "PromptCleaning", "Tensors", "Tokenizers"],
            swiftSettings: strict),
        .target(
            name: "DemoModels", resources: [.copy("Resources/demo-image"), .copy("Resources/demo-video")],
            swiftSettings: strict),
        .systemLibrary(
            name: "CFFmpeg",
            providers: [.apt(["libavformat-dev", "libavcodec-dev", "libswscale-dev", "zlib1g-dev"])]),
        .target(name: "CJPEG"),
        .target(name: "Media", dependencies: ["CFFmpeg", "CJPEG", "Files"], swiftSettings: strict),
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CZeroMQ", providers: [.apt(["libzmq3-dev"])]),
        .target(
            name: "Messaging",
            dependencies: ["CLinux", "CZeroMQ", "Files", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: strict),
        .target(
            name: "Engine",
            dependencies: [
                "CLinux", "DemoModels", "Diffusion", "Files", "Hub", "Layers", "Media", "Messaging", "Models",
                "Parallel", "Tensors", "Tokenizers",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .target(
            name: "VisualGen",
            dependencies: [
                "Diffusion", "Engine", "Files", "Hub", "Layers", "Media", "Models", "Parallel", "Tensors",
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: strict),
        .target(
            name: "Server",
            dependencies: [
                "Diffusion", "Engine", "Files", "Layers", "Media", "Models", "Tensors", "VisualGen",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            resources: [.embedInCode("Resources")],
            swiftSettings: strict),
        .executableTarget(
            name: "Command",
            dependencies: [
                "Diffusion", "Engine", "Files", "Hub", "Layers", "Media", "Models", "Parallel", "Server", "Tensors",
                "VisualGen",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "QuickStart", dependencies: ["VisualGen"], path: "Examples/QuickStart", swiftSettings: strict),
        .executableTarget(
            name: "TextToImage", dependencies: ["VisualGen"], path: "Examples/TextToImage", swiftSettings: strict),
        .executableTarget(name: "Batch", dependencies: ["VisualGen"], path: "Examples/Batch", swiftSettings: strict),
        .executableTarget(
            name: "ImageToVideo", dependencies: ["VisualGen"], path: "Examples/ImageToVideo", swiftSettings: strict),
        .target(
            name: "TestKit",
            dependencies: [
                "Diffusion", "Engine", "Layers", "Parallel", "Tensors",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "Sources/TestKit",
            swiftSettings: strict),
        .testTarget(name: "FilesTests", dependencies: ["Files", "TestKit"], swiftSettings: strict),
        .testTarget(name: "MessagingTests", dependencies: ["CZeroMQ", "Messaging"], swiftSettings: strict),
        .testTarget(
            name: "TensorsTests", dependencies: ["TestKit", "Tensors", .product(name: "CTorch", package: "native")],
            swiftSettings: strict),
        .testTarget(
            name: "HubTests",
            dependencies: [
                "Hub", "TestKit",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "LayersTests", dependencies: ["Files", "Layers", "Parallel", "TestKit", "Tensors"],
            swiftSettings: strict),
        .testTarget(
            name: "TokenizersTests", dependencies: ["Files", "Tokenizers"], resources: [.copy("Resources")],
            swiftSettings: strict),
        .testTarget(
            name: "PromptCleaningTests", dependencies: ["PromptCleaning"], resources: [.copy("Resources")],
            swiftSettings: strict),
        .testTarget(
            name: "DiffusionTests", dependencies: ["Diffusion", "Layers", "TestKit", "Tensors"], swiftSettings: strict),
        .testTarget(name: "ParallelTests", dependencies: ["Parallel"], swiftSettings: strict),
        .testTarget(
            name: "ModelsTests",
            dependencies: [
                "Diffusion", "Engine", "Files", "Layers", "Media", "Models", "Parallel", "TestKit", "Tensors",
                "Tokenizers", "VisualGen",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "MediaTests", dependencies: ["CFFmpeg", "Media"], resources: [.copy("Resources")],
            swiftSettings: strict),
        .testTarget(
            name: "EngineTests",
            dependencies: [
                "Diffusion", "Engine", "Files", "Layers", "Media", "Messaging", "Models", "Parallel", "TestKit",
                "Tensors", "Tokenizers",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "VisualGenTests",
            dependencies: [
                "Batch", "Command", "Diffusion", "Engine", "ImageToVideo", "Media", "QuickStart", "TestKit", "Tensors",
                "TextToImage", "VisualGen",
            ],
            resources: [.copy("Resources")],
            swiftSettings: strict),
        .testTarget(
            name: "ServerTests",
            dependencies: [
                "Command", "Diffusion", "Engine", "Files", "Layers", "Media", "Server", "Tensors", "TestKit",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdTesting", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "CommandLineTests", dependencies: ["Command", "Layers", "Media", "Tensors", "TestKit"],
            swiftSettings: strict),
    ],
    cxxLanguageStandard: .cxx20
)
