internal import Foundation

/// The beta distribution, for its quantiles.
struct BetaDistribution {
    let alpha, beta: Double

    /// The number that a share of the distribution lies below.
    ///
    /// - Parameter share: from 0 to 1
    /// - Returns: from 0 to 1, to about 15 digits
    func quantile(_ share: Double) -> Double {
        if share <= 0 { return 0 }
        if share >= 1 { return 1 }
        var (low, high) = (0.0, 1.0)
        // Every step halves the bracket; the distribution rises strictly, so this ends on neighbouring numbers.
        while true {
            let middle = (low + high) / 2
            if middle == low || middle == high { return middle }
            if cumulative(middle) < share { low = middle } else { high = middle }
        }
    }

    /// The share of the distribution below a number: the regularised incomplete beta function.
    private func cumulative(_ x: Double) -> Double {
        let front = exp(
            lgamma(alpha + beta) - lgamma(alpha) - lgamma(beta) + alpha * log(x) + beta * log1p(-x))
        // The fraction converges quickly only on the near side of the mean.
        return x < (alpha + 1) / (alpha + beta + 2)
            ? front * fraction(alpha, beta, x) / alpha : 1 - front * fraction(beta, alpha, 1 - x) / beta
    }

    /// Lentz's evaluation of the continued fraction of the incomplete beta function.
    private func fraction(_ a: Double, _ b: Double, _ x: Double) -> Double {
        let tiny = 1e-300
        var c = 1.0
        var d = 1 - (a + b) * x / (a + 1)
        d = 1 / (abs(d) < tiny ? tiny : d)
        var result = d
        for index in 1...300 {
            let m = Double(index)
            let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
            let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
            var change = 1.0
            for numerator in [even, odd] {
                d = 1 + numerator * d
                c = 1 + numerator / c
                d = 1 / (abs(d) < tiny ? tiny : d)
                c = abs(c) < tiny ? tiny : c
                change = c * d
                result *= change
            }
            if abs(change - 1) < 1e-16 { break }
        }
        return result
    }
}
