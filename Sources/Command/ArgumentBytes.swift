/// Arguments as the parser understands them in every case.
///
/// The parser looks for `=` among characters, and takes `--name=` for an option without a value. A text that begins with a
/// combining mark, a joiner or a variation selector makes one character with the sign before it, and the name is then
/// unknown. Both go to the parser as two arguments, cut at the byte.
enum ArgumentBytes {
    /// - Parameter arguments: without the program's name
    /// - Returns: the arguments, some of them in two
    static func separated(_ arguments: [String]) -> [String] {
        guard arguments.contains(where: { parts(of: $0) != nil }) else { return arguments }
        let names = OptionNames(of: arguments.first)
        var separated: [String] = []
        var isValue = false
        for (index, argument) in arguments.enumerated() {
            if !isValue, argument == "--" { return separated + arguments[index...] }
            if !isValue, let (name, value) = parts(of: argument) {
                separated += [name, value]
            } else {
                separated.append(argument)
                isValue = !isValue && names.takesValue(argument)
            }
        }
        return separated
    }

    /// Name and value of an argument that the parser would not cut, or not there; nil for all others.
    private static func parts(of argument: String) -> (name: String, value: String)? {
        let bytes = argument.utf8
        guard bytes.starts(with: "--".utf8), let sign = bytes.firstIndex(of: UInt8(ascii: "=")),
            bytes.distance(from: bytes.startIndex, to: sign) > 2
        else { return nil }
        let value = bytes[bytes.index(after: sign)...]
        guard value.isEmpty || argument.firstIndex(of: "=") != sign else { return nil }
        return (String(decoding: bytes[..<sign], as: UTF8.self), String(decoding: value, as: UTF8.self))
    }
}
