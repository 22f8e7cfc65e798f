internal import Tensors

/// What the timesteps of a request bring to a transformer's blocks, made for many steps at once.
///
/// The layers that modulate the blocks are up to a third of the weights, and they read a row for each step, not tokens. As a
/// request's timesteps are known, a GPU makes the rows of many at once, and those weights are read once instead of in every step.
/// A CPU makes the product of each row by itself, so there each step's are made when it comes.
package final class StepRows<Rows> {
    private let timesteps: [Float]
    private let stepsAtOnce: Int
    private var made: (timesteps: ArraySlice<Float>, rows: Rows)?

    /// - Parameters:
    ///   - timesteps: of the steps, in their order
    ///   - stepsAtOnce: as many steps' rows are made at once
    package init(of timesteps: [Float], atOnce stepsAtOnce: Int) {
        (self.timesteps, self.stepsAtOnce) = (timesteps, stepsAtOnce)
    }

    /// The rows of some steps, and which of them is wanted.
    ///
    /// - Parameters:
    ///   - timestep: the step's
    ///   - make: makes the rows of some timesteps
    func rows(_ timestep: Float, make: ([Float]) throws(TensorError) -> Rows) throws(TensorError)
        -> (rows: Rows, step: Int)
    {
        if let made, let place = made.timesteps.firstIndex(of: timestep) {
            return (made.rows, place - made.timesteps.startIndex)
        }
        let start = timesteps.firstIndex(of: timestep)
        let wanted = start.map { timesteps[$0...].prefix(stepsAtOnce) } ?? [timestep]
        let rows = try make(Array(wanted))
        made = (wanted, rows)
        return (rows, 0)
    }
}

/// How many steps' rows are made at once on a device.
func rowsAtOnce(on device: Device) -> Int { device == .cpu ? 1 : 32 }
