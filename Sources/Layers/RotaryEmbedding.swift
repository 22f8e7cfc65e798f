internal import Foundation
package import Tensors

/// The angle tables of a rotary embedding over several position axes.
package struct RotaryEmbedding {
    /// Cosine of each pair's angle, `[tokens, headWidth / 2]`, in 32-bit floats whatever the model's type: at 16 bits
    /// neighbouring positions past 256 share an angle.
    package let cosine: Tensor
    /// Sine of each pair's angle, as `cosine`.
    package let sine: Tensor

    /// Computes the tables in 64-bit floats.
    ///
    /// - Parameters:
    ///   - positions: where each token lies: one row a token, one number an axis
    ///   - widths: how many of a head's channels turn with each axis; even; their sum is the head's width
    ///   - base: the longest wavelength, in tokens
    ///   - device: where the tables go
    // Source: diffusers 0.42.1, models/embeddings.py, `get_1d_rotary_pos_embed`.
    package init(positions: [[Double]], widths: [Int], base: Double, on device: Device) throws(TensorError) {
        let frequencies = widths.map { width in
            stride(from: 0, to: width, by: 2).map { 1 / pow(base, Double($0) / Double(width)) }
        }
        try self.init(positions: positions, on: device) { axis, place in frequencies[axis].map { place * $0 } }
    }

    /// Computes the tables of angles that are given, once for each place, which tokens share with many others.
    ///
    /// - Parameters:
    ///   - positions: where each token lies: one row a token, one place an axis
    ///   - device: where the tables go
    ///   - angles: gives those of the pairs that turn with an axis, at a place on it; as many at each
    package init<Place: Hashable>(
        positions: [[Place]], on device: Device, angles: (_ axis: Int, Place) -> [Double]
    ) throws(TensorError) {
        let axes = positions.first?.indices ?? 0..<0
        let turns = axes.map { axis in
            let places = Set(positions.map { $0[axis] }).map { place in
                let angles = angles(axis, place)
                return (place, (cosines: angles.map { Float(cos($0)) }, sines: angles.map { Float(sin($0)) }))
            }
            return Dictionary(uniqueKeysWithValues: places)
        }
        let shape = [positions.count, turns.reduce(0) { $0 + ($1.first?.value.cosines.count ?? 0) }]
        var (cosines, sines): ([Float], [Float]) = ([], [])
        cosines.reserveCapacity(shape[0] * shape[1])
        sines.reserveCapacity(shape[0] * shape[1])
        for position in positions {
            for axis in axes {
                guard let own = turns[axis][position[axis]] else { continue }
                cosines += own.cosines
                sines += own.sines
            }
        }
        self.init(
            cosine: try Tensor(cosines, shape: shape, on: device), sine: try Tensor(sines, shape: shape, on: device))
    }

    /// - Parameters:
    ///   - cosine: of each pair's angle, `[tokens, headWidth / 2]`
    ///   - sine: of each pair's angle, `[tokens, headWidth / 2]`
    package init(cosine: Tensor, sine: Tensor) { (self.cosine, self.sine) = (cosine, sine) }

    /// Norms every head and turns its interleaved pairs by the angles of its token.
    ///
    /// - Parameters:
    ///   - x: `[batch, tokens, heads, headWidth]`
    ///   - norm: the norm before, over `headWidth`
    /// - Returns: `[batch, tokens, heads, headWidth]`
    package func applied(to x: Tensor, after norm: RMSNorm) throws(TensorError) -> Tensor {
        try rmsNormRotary(x, weight: norm.weight, cosine: cosine, sine: sine, epsilon: norm.epsilon)
    }

    /// That of some tokens, and behind them that of others with a norm of their own.
    ///
    /// - Parameters:
    ///   - x: `[batch, tokens, heads, headWidth]`
    ///   - norm: of `x`, over `headWidth`
    ///   - y: `[batch, others, heads, headWidth]`
    ///   - otherNorm: of `y`, with the same epsilon
    /// - Returns: `[batch, tokens + others, heads, headWidth]`
    package func applied(to x: Tensor, after norm: RMSNorm, before y: Tensor, after otherNorm: RMSNorm)
        throws(TensorError) -> Tensor
    {
        try rmsNormRotary(
            x, weight: norm.weight, before: y, weight: otherNorm.weight, cosine: cosine, sine: sine,
            epsilon: norm.epsilon)
    }

    /// Norms all heads of a token together and turns their interleaved pairs by the angles of the token.
    ///
    /// - Parameters:
    ///   - x: `[batch, tokens, heads · headWidth]`
    ///   - norm: the norm before, over `heads · headWidth`
    /// - Returns: `[batch, tokens, heads · headWidth]`
    package func applied(to x: Tensor, afterJoint norm: RMSNorm) throws(TensorError) -> Tensor {
        if norm.isShared { return try applied(to: norm(x)) }
        return try jointRMSNormRotary(x, weight: norm.weight, cosine: cosine, sine: sine, epsilon: norm.epsilon)
    }

    /// Turns the interleaved pairs of every head by the angles of its token.
    ///
    /// - Parameter x: `[batch, tokens, heads · headWidth]`
    /// - Returns: `[batch, tokens, heads · headWidth]`
    private func applied(to x: Tensor) throws(TensorError) -> Tensor {
        let pairs = try x.to(.float32).reshaped(x.size(0), x.size(1), -1, cosine.size(1), 2)
        let (one, other) = (try pairs.select(0, axis: 4), try pairs.select(1, axis: 4))
        let (cosine, sine) = try (cosine.unsqueezed(1), sine.unsqueezed(1))
        let turned = try stack([one * cosine - other * sine, other * cosine + one * sine], axis: 4)
        return try turned.reshaped(x.shape).to(x.dtype)
    }

    /// Turns the first half of every head against the second, as language models do.
    ///
    /// Tables may be `[batch, tokens, headWidth / 2]`, too.
    ///
    /// - Parameter x: `[batch, tokens, heads, headWidth]`
    /// - Returns: `[batch, tokens, heads, headWidth]`, in 32-bit floats
    package func appliedToHalves(of x: Tensor) throws(TensorError) -> Tensor {
        let half = x.size(3) / 2
        let (one, other) = try (x.slice(0..<half, axis: 3), x.slice(half..<2 * half, axis: 3))
        let heads = cosine.shape.count - 1
        let (cosine, sine) = try (cosine.unsqueezed(heads), sine.unsqueezed(heads))
        return try concatenate([one * cosine - other * sine, other * cosine + one * sine], axis: 3)
    }

    /// The tables of the first tokens and of the rest.
    ///
    /// - Parameter tokens: how many are the first
    /// - Returns: both
    package func split(at tokens: Int) throws(TensorError) -> (RotaryEmbedding, RotaryEmbedding) {
        let end = cosine.size(0)
        return (
            try mapped { table throws(TensorError) in try table.slice(0..<tokens, axis: 0) },
            try mapped { table throws(TensorError) in try table.slice(tokens..<end, axis: 0) }
        )
    }

    /// The tables of these tokens, then of others.
    ///
    /// - Parameter others: of the same width
    /// - Returns: the tables of all
    package func joined(_ others: RotaryEmbedding) throws(TensorError) -> RotaryEmbedding {
        RotaryEmbedding(
            cosine: try concatenate([cosine, others.cosine], axis: 0),
            sine: try concatenate([sine, others.sine], axis: 0))
    }

    /// Other tables in place of both.
    ///
    /// - Parameter map: gives one for each, `[tokens, headWidth / 2]`
    /// - Returns: the tables
    package func mapped(_ map: (Tensor) throws(TensorError) -> Tensor) throws(TensorError) -> RotaryEmbedding {
        RotaryEmbedding(cosine: try map(cosine), sine: try map(sine))
    }
}
