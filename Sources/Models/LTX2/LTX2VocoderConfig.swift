package import Layers

/// `vocoder/config.json` of an LTX2Vocoder.
package struct LTX2VocoderConfig: ModelConfig {
    /// What stands between convolutions.
    package enum Activation: String, Codable, Sendable {
        case leakyRelu = "leaky_relu"
        /// x + sin²(αx) / β, with α and β of every channel.
        case snakeBeta = "snakebeta"
    }

    /// What keeps waves within -1 and 1.
    package enum Limit: String, Codable, Sendable { case tanh, clamp }

    package var inChannels = 128
    package var hiddenChannels = 1024
    package var outChannels = 2
    package var upsampleKernelSizes = [16, 15, 8, 4, 4]
    package var upsampleFactors = [6, 5, 2, 2, 2]
    package var resnetKernelSizes = [3, 7, 11]
    package var resnetDilations = [[1, 3, 5], [1, 3, 5], [1, 3, 5]]
    package var actFn = Activation.leakyRelu
    package var leakyReluNegativeSlope = 0.1
    package var antialias = false
    package var antialiasRatio = 2
    package var antialiasKernelSize = 12
    package var finalActFn: Limit? = .tanh
    package var finalBias = true
    package var outputSamplingRate = 24000
    package init() {}

    /// How many samples come of a frame of the spectrogram.
    package var samplesPerFrame: Int { upsampleFactors.reduce(1, *) }

    package func validate() throws(ConfigFault) {
        try requirePositive([
            "in_channels": inChannels, "hidden_channels": hiddenChannels, "out_channels": outChannels,
            "antialias_ratio": antialiasRatio, "antialias_kernel_size": antialiasKernelSize,
            "output_sampling_rate": outputSamplingRate,
        ])
        guard (1...12).contains(upsampleFactors.count) else {
            throw .value("upsample_factors", found: "\(upsampleFactors)")
        }
        guard upsampleKernelSizes.count == upsampleFactors.count else {
            throw .misfit(
                "upsample_factors", upsampleFactors.count, to: "the number of upsample_kernel_sizes",
                upsampleKernelSizes.count)
        }
        for (factor, kernel) in zip(upsampleFactors, upsampleKernelSizes) {
            guard (1...1000).contains(factor) else { throw .value("upsample_factors", found: "\(factor)") }
            guard (factor...10000).contains(kernel) else { throw .value("upsample_kernel_sizes", found: "\(kernel)") }
        }
        // Each stage halves them, rounding down.
        guard hiddenChannels >> upsampleFactors.count > 0 else {
            throw .value("hidden_channels", found: "\(hiddenChannels)")
        }
        guard (1...100).contains(resnetKernelSizes.count), resnetKernelSizes.allSatisfy({ $0 > 0 && $0 % 2 == 1 })
        else {
            throw .value("resnet_kernel_sizes", found: "\(resnetKernelSizes)")
        }
        guard resnetDilations.count == resnetKernelSizes.count,
            resnetDilations.allSatisfy({ $0.count <= 100 && $0.allSatisfy { (1...10000).contains($0) } })
        else { throw .value("resnet_dilations", found: "\(resnetDilations)") }
        guard antialiasKernelSize >= antialiasRatio, antialiasKernelSize <= 10000 else {
            throw .value("antialias_kernel_size", found: "\(antialiasKernelSize)")
        }
        // The reference's filters around a leaky ReLU are not those that it was given.
        if antialias, actFn == .leakyRelu { throw .value("antialias", found: "true") }
    }
}

/// `vocoder/config.json` of an LTX2VocoderWithBWE: two vocoders, of which the second makes the first one's wave finer.
package struct LTX2VocoderWithBWEConfig: ModelConfig {
    package var inChannels = 128
    package var hiddenChannels = 1536
    package var outChannels = 2
    package var upsampleKernelSizes = [11, 4, 4, 4, 4, 4]
    package var upsampleFactors = [5, 2, 2, 2, 2, 2]
    package var resnetKernelSizes = [3, 7, 11]
    package var resnetDilations = [[1, 3, 5], [1, 3, 5], [1, 3, 5]]
    package var actFn = LTX2VocoderConfig.Activation.snakeBeta
    package var leakyReluNegativeSlope = 0.1
    package var antialias = true
    package var antialiasRatio = 2
    package var antialiasKernelSize = 12
    package var finalActFn: LTX2VocoderConfig.Limit?
    package var finalBias = false
    package var bweInChannels = 128
    package var bweHiddenChannels = 512
    package var bweOutChannels = 2
    package var bweUpsampleKernelSizes = [12, 11, 4, 4, 4]
    package var bweUpsampleFactors = [6, 5, 2, 2, 2]
    package var bweResnetKernelSizes = [3, 7, 11]
    package var bweResnetDilations = [[1, 3, 5], [1, 3, 5], [1, 3, 5]]
    package var bweActFn = LTX2VocoderConfig.Activation.snakeBeta
    package var bweLeakyReluNegativeSlope = 0.1
    package var bweAntialias = true
    package var bweAntialiasRatio = 2
    package var bweAntialiasKernelSize = 12
    package var bweFinalActFn: LTX2VocoderConfig.Limit?
    package var bweFinalBias = false
    package var filterLength = 512
    package var hopLength = 80
    package var windowLength = 512
    package var numMelChannels = 64
    package var inputSamplingRate = 16000
    package var outputSamplingRate = 48000
    package init() {}

    /// How many times finer the second wave is.
    var ratio: Int { outputSamplingRate / inputSamplingRate }

    /// The first vocoder.
    package var vocoder: LTX2VocoderConfig {
        var config = LTX2VocoderConfig()
        (config.inChannels, config.hiddenChannels, config.outChannels) = (inChannels, hiddenChannels, outChannels)
        (config.upsampleKernelSizes, config.upsampleFactors) = (upsampleKernelSizes, upsampleFactors)
        (config.resnetKernelSizes, config.resnetDilations) = (resnetKernelSizes, resnetDilations)
        (config.actFn, config.leakyReluNegativeSlope, config.antialias) = (actFn, leakyReluNegativeSlope, antialias)
        (config.antialiasRatio, config.antialiasKernelSize) = (antialiasRatio, antialiasKernelSize)
        (config.finalActFn, config.finalBias, config.outputSamplingRate) = (finalActFn, finalBias, inputSamplingRate)
        return config
    }

    /// The one that extends the bandwidth.
    package var extender: LTX2VocoderConfig {
        var config = LTX2VocoderConfig()
        (config.inChannels, config.hiddenChannels, config.outChannels) = (
            bweInChannels, bweHiddenChannels, bweOutChannels
        )
        (config.upsampleKernelSizes, config.upsampleFactors) = (bweUpsampleKernelSizes, bweUpsampleFactors)
        (config.resnetKernelSizes, config.resnetDilations) = (bweResnetKernelSizes, bweResnetDilations)
        (config.actFn, config.leakyReluNegativeSlope) = (bweActFn, bweLeakyReluNegativeSlope)
        (config.antialias, config.antialiasRatio) = (bweAntialias, bweAntialiasRatio)
        (config.antialiasKernelSize, config.finalActFn) = (bweAntialiasKernelSize, bweFinalActFn)
        (config.finalBias, config.outputSamplingRate) = (bweFinalBias, outputSamplingRate)
        return config
    }

    package func validate() throws(ConfigFault) {
        try vocoder.validate()
        do throws(ConfigFault) {
            try extender.validate()
        } catch {
            throw error.prefixed("bwe_")
        }
        try requirePositive([
            "filter_length": filterLength, "hop_length": hopLength, "num_mel_channels": numMelChannels,
            "input_sampling_rate": inputSamplingRate, "output_sampling_rate": outputSamplingRate,
        ])
        try requireMultiple("filter_length", filterLength, of: "its halves", 2)
        // One frame for every hop.
        if windowLength != filterLength {
            throw .misfit("window_length", windowLength, to: "filter_length", filterLength)
        }
        if hopLength > windowLength { throw .misfit("hop_length", hopLength, to: "window_length", windowLength) }
        try requireMultiple("output_sampling_rate", outputSamplingRate, of: "input_sampling_rate", inputSamplingRate)
        // What is added must be as long and as wide as what it is added to.
        if extender.samplesPerFrame != hopLength * ratio {
            throw .value(
                "bwe_upsample_factors", found: "\(bweUpsampleFactors) for \(hopLength * ratio) samples a frame")
        }
        if bweInChannels != outChannels * numMelChannels {
            throw .misfit(
                "bwe_in_channels", bweInChannels, to: "what out_channels and num_mel_channels make",
                outChannels * numMelChannels)
        }
        if bweOutChannels != outChannels {
            throw .misfit("bwe_out_channels", bweOutChannels, to: "out_channels", outChannels)
        }
    }
}

extension ConfigFault {
    /// The fault of a key that begins otherwise here.
    fileprivate func prefixed(_ prefix: String) -> ConfigFault {
        switch self {
        case .value(let key, let found): .value(prefix + key, found: found)
        case .notMultiple(let key, let size, let name, let divisor): .notMultiple(prefix + key, size, of: name, divisor)
        case .misfit(let key, let size, let name, let other): .misfit(prefix + key, size, to: name, other)
        default: self
        }
    }
}
