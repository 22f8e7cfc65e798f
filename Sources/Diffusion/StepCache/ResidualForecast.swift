internal import Tensors

/// What some blocks add to their input, told from what they added in earlier steps.
///
/// TaylorSeer: a Taylor series over finite differences of computed steps. Of order 0 it is what was added last.
// Source: cache-dit 1.5.3, caching/cache_contexts/calibrators/taylorseer.py; arXiv 2503.06923.
struct ResidualForecast {
    private let order: Int
    /// Counts from the second computed step on, as the reference does.
    private var step = -1
    private var lastComputed = -1
    /// The last computed value and its derivatives, by order.
    private var derivatives: [Tensor] = []

    init(order: Int) { self.order = order }

    /// Whether nothing was computed yet.
    var isEmpty: Bool { derivatives.isEmpty }

    mutating func begin() {
        if !isEmpty { step += 1 }
    }

    /// Learns a computed value.
    mutating func update(_ value: Tensor) throws(TensorError) {
        var next = [value]
        // Two differences of one step each would not be enough to trust.
        if step > 1 {
            let elapsed = Double(step - lastComputed)
            for previous in derivatives.prefix(order) { next.append(try (next[next.count - 1] - previous) / elapsed) }
        }
        (derivatives, lastComputed) = (next, step)
    }

    /// The value of this step, if it is not computed.
    func value() throws(TensorError) -> Tensor? {
        guard var sum = derivatives.first else { return nil }
        let elapsed = Double(step - lastComputed)
        var factor = 1.0
        for (index, derivative) in derivatives.enumerated().dropFirst() {
            factor *= elapsed / Double(index)
            sum = try sum + derivative * factor
        }
        return sum
    }
}
