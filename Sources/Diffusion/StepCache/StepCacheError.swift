package import Files

/// A setting of `cache_config` that this model cannot honour.
package struct StepCacheError: BlamedError, Equatable, Codable {
    /// The field's name within `cache_config`.
    package let field: String
    /// What is wrong, as the rest of a sentence that begins with the field.
    package let statement: String

    package init(_ field: String, _ statement: String) { (self.field, self.statement) = (field, statement) }
}

extension StepCacheError: CustomStringConvertible {
    package var blame: Blame { .request }

    package var description: String { "cache_config.\(field) \(statement)" }
}
