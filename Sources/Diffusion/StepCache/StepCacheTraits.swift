package import Layers

/// What a step cache must know of one transformer of a model.
package struct StepCacheTraits: Sendable, Equatable {
    /// How many blocks it has.
    package let blocks: Int
    /// TeaCache's coefficients where any were published for it.
    package let coefficients: TeaCacheCoefficients?

    package init(blocks: Int, coefficients: TeaCacheCoefficients?) {
        (self.blocks, self.coefficients) = (blocks, coefficients)
    }
}

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

extension StepCacheSettings {
    /// The settings of each transformer of a model, with what is the model's own filled in.
    ///
    /// - Parameters:
    ///   - transformers: one or two, in the order of the steps
    ///   - model: its name for people
    /// - Returns: settings for each
    /// - Throws: ``StepCacheError`` for what this model cannot honour
    package func resolved(for transformers: [StepCacheTraits], of model: String) throws(StepCacheError)
        -> [StepCacheSettings]
    {
        var settings: [StepCacheSettings] = []
        for (index, traits) in transformers.enumerated() {
            var own = self
            switch method {
            case .teaCache(let tea):
                if tea.coefficients2 != nil, transformers.count < 2 {
                    throw StepCacheError("coefficients_2", "is given, but \(model) has one transformer")
                }
                own.method = .teaCache(try tea.resolved(for: traits, number: index, of: model))
            case .dualBlock(let blocks):
                own.method = .dualBlock(try blocks.resolved(for: traits, number: index))
            }
            settings.append(own)
        }
        return settings
    }
}

extension TeaCacheSettings {
    fileprivate func resolved(for traits: StepCacheTraits, number: Int, of model: String) throws(StepCacheError)
        -> TeaCacheSettings
    {
        let given = number == 0 ? coefficients : coefficients2
        guard let polynomial = given ?? traits.coefficients?[variant] else {
            throw StepCacheError(
                number == 0 ? "coefficients" : "coefficients_2",
                "must be given: there are no published coefficients for this model (\(model))")
        }
        var settings = self
        (settings.coefficients, settings.coefficients2) = (polynomial, nil)
        return settings
    }
}

extension DualBlockSettings {
    fileprivate func resolved(for traits: StepCacheTraits, number: Int) throws(StepCacheError) -> DualBlockSettings {
        guard firstBlocks >= 1, firstBlocks <= traits.blocks else {
            throw StepCacheError(
                "Fn_compute_blocks", "must be from 1 to \(traits.blocks), the transformer's blocks, not \(firstBlocks)")
        }
        guard firstBlocks + lastBlocks < traits.blocks else {
            throw StepCacheError(
                "Bn_compute_blocks",
                "is \(lastBlocks), which with Fn_compute_blocks \(firstBlocks) leaves none of \(traits.blocks) blocks out"
            )
        }
        var settings = self
        // The transformer of low noise has caps of its own, as in TensorRT-LLM.
        if number > 0 { (settings.warmUpSteps, settings.maxCachedSteps) = (2, 20) }
        return settings
    }
}

extension StepCacheSettings {
    /// Refuses a request that no step can be left out of.
    ///
    /// - Parameter request: a resolved request
    /// - Throws: ``InvalidRequest``
    package func check(_ request: GenerationRequest) throws(InvalidRequest) {
        guard let steps = request.numInferenceSteps, steps < 2 else { return }
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
