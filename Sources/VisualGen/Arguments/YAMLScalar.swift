/// What a plain scalar of YAML means.
///
/// The rules are those of PyYAML's safe loader (YAML 1.1: `yes`, `on` and `off` are true and false, `010` is 8, `08` is
/// text), with three differences: an exponent needs neither a point nor a sign (`1e-3` is a number), numbers to base 60
/// (`1:30`) are text, and so are dates.
enum YAMLScalar {
    /// - Parameter text: the scalar, without quotation marks around it
    /// - Returns: a null, a Boolean, a number or the text itself
    static func value(of text: String) -> ConfigValue {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON": return true
        case "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF": return false
        case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": return .double(.infinity)
        case "-.inf", "-.Inf", "-.INF": return .double(-.infinity)
        case ".nan", ".NaN", ".NAN": return .double(.nan)
        default: return number(of: text) ?? .string(text)
        }
    }

    private static func number(of text: String) -> ConfigValue? {
        guard let first = text.utf8.first, text.utf8.count <= 400, "+-.0123456789".utf8.contains(first) else {
            return nil
        }
        let isNegative = first == UInt8(ascii: "-")
        let unsigned = isNegative || first == UInt8(ascii: "+") ? text.dropFirst() : text[...]
        guard let digit = unsigned.utf8.first, ".0123456789".utf8.contains(digit) else { return nil }
        let digits = unsigned.filter { $0 != "_" }
        if let magnitude = whole(digits) { return magnitude(isNegative) }
        guard digits.utf8.allSatisfy({ ".0123456789eE+-".utf8.contains($0) }), digits.contains(where: ".eE".contains),
            let number = Double(digits)
        else { return nil }
        return .double(isNegative ? -number : number)
    }

    /// A whole number, or as a fraction's type one that is too large; nil if the digits are no whole number.
    private static func whole(_ digits: String) -> ((_ isNegative: Bool) -> ConfigValue)? {
        let (radix, body) = radix(of: digits)
        guard !body.isEmpty, body.allSatisfy({ $0.isASCII && $0.hexDigitValue.map { $0 < radix } == true }) else {
            return nil
        }
        return { isNegative in
            if let value = Int((isNegative ? "-" : "") + body, radix: radix) { return .int(value) }
            let magnitude =
                radix == 10
                ? Double(body) ?? .infinity : body.reduce(0.0) { $0 * Double(radix) + Double($1.hexDigitValue ?? 0) }
            return .double(isNegative ? -magnitude : magnitude)
        }
    }

    private static func radix(of digits: String) -> (Int, Substring) {
        if digits.hasPrefix("0b") { return (2, digits.dropFirst(2)) }
        if digits.hasPrefix("0x") { return (16, digits.dropFirst(2)) }
        if digits.hasPrefix("0"), digits.count > 1 { return (8, digits.dropFirst()) }
        return (10, digits[...])
    }
}
