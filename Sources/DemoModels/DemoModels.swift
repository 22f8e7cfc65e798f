internal import Foundation

/// The models that come with the program, in a folder beside it.
package enum DemoModels {
    private static let names = ["demo-image", "demo-video"]
    /// What the package manager calls the folder of this target's resources.
    private static let resources = "VisualGen_DemoModels.resources"

    /// The folder of a built-in model.
    ///
    /// Not found through `Bundle.module`, which ends the process when the program was moved without its resources.
    ///
    /// - Parameter name: for example `demo-image`
    /// - Returns: where it should be, or nil if there is no built-in model of this name
    package static func folder(of name: String) -> String? {
        guard names.contains(name) else { return nil }
        let program = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return "\((program as NSString).deletingLastPathComponent)/\(resources)/\(name)"
    }
}
