extension String {
    /// A name from a file as messages show it: as it is if it is plain, else quoted.
    package var shown: String {
        let isPlain = !isEmpty && utf8.count <= 120 && utf8.allSatisfy { (0x21...0x7E).contains($0) }
        return isPlain ? self : quoted
    }
}
