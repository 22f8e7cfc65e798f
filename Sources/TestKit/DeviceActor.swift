internal import Tensors

/// Where tests of tensors run: one thread in inference mode, as the engine has for each device.
@globalActor
package actor DeviceActor {
    package static let shared = DeviceActor()

    private let thread = DeviceThread(name: "tests", threads: nil)

    package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }
}
