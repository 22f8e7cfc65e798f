internal import Tensors

extension AutoencoderKLWan {
    /// The way around a level that enlarges: every number several times.
    struct Duplication {
        /// How many frames come of one, the very first excepted.
        let frames: Int
        private let to, repeats: Int

        init(from: Int, to: Int, frames: Int) {
            (self.to, self.frames, repeats) = (to, frames, to * frames * 4 / from)
        }

        /// - Parameters:
        ///   - x: a frame, `[batch, 1, height, width, from]`
        ///   - frame: which of the frames that come of it
        /// - Returns: `[batch, 1, height · 2, width · 2, to]`
        func callAsFunction(_ x: Tensor, frame: Int) throws(TensorError) -> Tensor {
            let (batch, height, width) = (x.size(0), x.size(2), x.size(3))
            return try x.repeated(repeats, axis: -1)
                .reshaped(batch, height, width, to, frames, 2, 2)
                .select(frame, axis: 4)
                .permuted(0, 1, 4, 2, 5, 3)
                .reshaped(batch, 1, height * 2, width * 2, to)
        }
    }

    /// The way around a level that makes smaller: means over neighbours, and over channels where they become fewer.
    struct Averaging {
        private let to, frames, size: Int

        init(to: Int, frames: Int, size: Int) { (self.to, self.frames, self.size) = (to, frames, size) }

        /// - Parameter inputs: the frames that become one, or the last of them where the others are zeros; each
        ///   `[batch, 1, height, width, from]`
        /// - Returns: `[batch, 1, height / size, width / size, to]`
        func callAsFunction(_ inputs: [Tensor]) throws(TensorError) -> Tensor {
            var all = inputs
            let first = inputs[0]
            while all.count < frames {
                all.insert(try Tensor.full(0, first.shape, first.dtype, on: first.device), at: 0)
            }
            let x = all.count == 1 ? all[0] : try concatenate(all, axis: 1)
            let (batch, height, width) = (x.size(0), x.size(2) / size, x.size(3) / size)
            return try x.reshaped(batch, frames, height, size, width, size, x.size(4))
                .permuted(0, 2, 4, 6, 1, 3, 5)
                .reshaped(batch, height, width, to, -1)
                .mean(over: -1)
                .reshaped(batch, 1, height, width, to)
        }
    }
}
