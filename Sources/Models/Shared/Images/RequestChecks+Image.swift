internal import Diffusion

extension RequestChecks {
    /// What all models of images ask of a request.
    ///
    /// - Parameters:
    ///   - granularity: how many pixels a token is high and wide
    ///   - longest: the longest text, in tokens
    mutating func imageRequest(granularity: Int, longestSequence longest: Int) {
        batch()
        size(atLeast: granularity)
        steps()
        finiteGuidance()
        sequenceLength(atMost: longest)
        noFrames()
    }
}

extension GenerationRequest {
    /// Leaves out the pixels at the right and at the bottom that fill no token.
    ///
    /// - Parameter granularity: how many pixels a token is high and wide
    mutating func cropSize(to granularity: Int) {
        height = height.map { $0 - $0 % granularity }
        width = width.map { $0 - $0 % granularity }
    }
}
