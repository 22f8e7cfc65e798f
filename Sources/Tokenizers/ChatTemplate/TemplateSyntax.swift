/// A statement of a chat template.
indirect enum TemplateStatement: Sendable {
    case text(String)
    case output(TemplateExpression)
    /// `if`: the first body whose condition holds; one without a condition always does.
    case choice([(condition: TemplateExpression?, body: [TemplateStatement])])
    case loop(TemplateLoop)
    /// `set name = value`.
    case assignment(String, TemplateExpression)
    /// `set namespace.name = value`.
    case memberAssignment(namespace: String, String, TemplateExpression, line: Int)
    /// `set name` up to `endset`: what the body prints.
    case capture(String, [TemplateStatement])
    /// Statements whose own names end with them.
    case scope([TemplateStatement])
    case leave, skip
}

/// `for`.
struct TemplateLoop: Sendable {
    /// One name for each item, or several that it is unpacked to.
    let names: [String]
    let items: TemplateExpression
    let filter: TemplateExpression?
    let body: [TemplateStatement]
    /// What is done if no item's body ran to its end, as Jinja has it.
    let otherwise: [TemplateStatement]
}

/// An expression of a chat template.
struct TemplateExpression: Sendable {
    indirect enum Kind: Sendable {
        case value(TemplateValue)
        case name(String)
        case list([TemplateExpression])
        case map([(key: TemplateExpression, value: TemplateExpression)])
        /// `a.name`.
        case member(TemplateExpression, String)
        /// `a[b]`.
        case item(TemplateExpression, TemplateExpression)
        /// `a[from:to:step]`.
        case slice(TemplateExpression, [TemplateExpression?])
        case call(TemplateExpression, TemplateArguments)
        case filter(TemplateExpression, String, TemplateArguments)
        case test(TemplateExpression, String, TemplateArguments)
        case not(TemplateExpression)
        case negative(TemplateExpression)
        case and(TemplateExpression, TemplateExpression)
        case or(TemplateExpression, TemplateExpression)
        case comparison(TemplateExpression, [(operation: String, operand: TemplateExpression)])
        case arithmetic(String, TemplateExpression, TemplateExpression)
        case conditional(TemplateExpression, if: TemplateExpression, else: TemplateExpression?)
    }

    let kind: Kind
    let line: Int
}

/// What stands in the parentheses of a call, a filter or a test.
struct TemplateArguments: Sendable {
    var values: [TemplateExpression] = []
    var named: [(name: String, value: TemplateExpression)] = []
}
