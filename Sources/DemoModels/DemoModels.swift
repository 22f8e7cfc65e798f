internal import Foundation

/// The models that come with the program.
package enum DemoModels {
    /// The folder of a built-in model.
    ///
    /// - Parameter name: for example `demo-image`
    /// - Returns: its folder, or nil if there is no built-in model of this name
    package static func folder(of name: String) -> String? {
        guard name == "demo-image" else { return nil }
        return Bundle.module.url(forResource: name, withExtension: nil)?.path
    }
}
