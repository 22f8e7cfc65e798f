extension Cosmos3 {
    /// A prompt on its way into the transformer, and what that has made of it.
    package final class Prompt {
        /// At least one.
        package let ids: [Int32]
        /// What generated tokens attend to, once the text tower has read the prompt.
        package internal(set) var keys: TextKeys?

        /// - Parameter ids: at least one
        package init(_ ids: [Int32]) { self.ids = ids }
    }
}
