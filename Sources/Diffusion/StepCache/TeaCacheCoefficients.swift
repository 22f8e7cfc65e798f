/// The polynomials that scale TeaCache's change for one model, highest power first.
package struct TeaCacheCoefficients: Sendable, Equatable {
    package let standard, retainedSteps: [Double]

    package init(standard: [Double], retainedSteps: [Double]) {
        (self.standard, self.retainedSteps) = (standard, retainedSteps)
    }

    /// One polynomial for both ways.
    package init(_ both: [Double]) { self.init(standard: both, retainedSteps: both) }

    subscript(variant: TeaCacheVariant) -> [Double] {
        switch variant {
        case .standard: standard
        case .retainedSteps: retainedSteps
        }
    }
}
