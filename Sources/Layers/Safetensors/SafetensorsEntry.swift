/// One tensor of a safetensors file: what it is and where its bytes lie.
package struct SafetensorsEntry: Equatable, Sendable {
    /// The tensor's key.
    package let name: String
    /// The type of its elements.
    package let dtype: SafetensorsDtype
    /// Its sizes, outermost first; empty for a scalar; a size may be 0.
    package let shape: [Int]
    /// Where its bytes lie, counted from the beginning of the file; `dtype.byteCount(shape:)` long.
    package let byteRange: Range<Int>

    /// Whether the bytes start at a multiple of the element's size once the file is mapped.
    ///
    /// The format does not promise it: the bytes of a tensor that is not aligned must be copied, or loaded unaligned.
    package var isAligned: Bool { byteRange.lowerBound.isMultiple(of: dtype.byteSize) }
}
