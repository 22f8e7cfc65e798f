internal import DemoModels
internal import Foundation

/// Where the model of a name lies.
package enum ModelLocation {
    /// The folder of a built-in model, or the name itself as a path.
    ///
    /// - Parameter name: `demo-image`, or a folder
    /// - Returns: a path, which may not exist
    package static func path(of name: String) -> String { DemoModels.folder(of: name) ?? name }
}
