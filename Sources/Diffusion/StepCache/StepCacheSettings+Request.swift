extension StepCacheSettings {
    /// Refuses a request that no step can be left out of.
    ///
    /// - Parameter request: a resolved request
    package func check(_ request: GenerationRequest) throws(InvalidRequest) {
        let steps = request.stepCount
        guard steps < 2 else { return }
        throw InvalidRequest([
            .value("num_inference_steps", found: "\(steps)", expected: "at least 2 where cache_config is set")
        ])
    }

    /// How much is held for the next steps, and beside it while one is compared and learnt.
    ///
    /// - Parameter branches: of guidance
    /// - Returns: a multiple of the tokens that run through the blocks, in 32-bit floats
    package func heldStreams(branches: Int) -> Int {
        let values =
            switch method {
            case .teaCache: 1
            case .dualBlock(let settings): settings.order + 1
            }
        return branches * (values + 1) + values + 6
    }
}
