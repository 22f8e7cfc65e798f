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
