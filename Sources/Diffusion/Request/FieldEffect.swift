/// When a field of a request changes what is made, for fields that do not always.
package enum FieldEffect: Sendable, Equatable {
    /// This model takes the field and makes the same without it.
    case never
    /// Only while another field's number is above a value.
    case whileAbove(Double, of: String)
}
