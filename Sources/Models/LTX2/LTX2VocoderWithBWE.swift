package import Diffusion
package import Layers
package import Tensors

/// A vocoder, and another of the same kind that adds what the first one's wave is too coarse for.
// Source: diffusers 0.42.1, pipelines/ltx2/vocoder.py.
package struct LTX2VocoderWithBWE {
    /// The component's `config.json`.
    package let config: LTX2VocoderWithBWEConfig
    private let vocoder, extender: LTX2Vocoder
    /// Cosines and sines in a window, `[2 · frequencies, 1, length]`, and the bins that frequencies make.
    private let fourier, mel: Tensor
    private let resampling: LTX2WaveFilter

    /// Reads both networks, and how the wave of the first becomes a spectrogram.
    ///
    /// - Parameters:
    ///   - weights: the view of the component
    ///   - config: its `config.json`
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(_ weights: Weights, _ config: LTX2VocoderWithBWEConfig) throws {
        self.config = config
        vocoder = try LTX2Vocoder(weights["vocoder"], config.vocoder)
        extender = try LTX2Vocoder(weights["bwe_generator"], config.extender)
        let (spectrum, frequencies) = (weights["mel_stft"], config.filterLength / 2 + 1)
        fourier = try spectrum["stft_fn"].tensor("forward_basis", 2 * frequencies, 1, config.filterLength)
        spectrum["stft_fn"].disregard("inverse_basis")
        mel = try spectrum.tensor("mel_basis", config.numMelChannels, frequencies)
        resampling = try LTX2WaveFilter(resamplingBy: config.ratio, weights.plan.dtype, on: weights.plan.device)
    }

    /// How many samples a second the waves have.
    package var samplingRate: Int { config.outputSamplingRate }

    /// The waves of spectrograms.
    ///
    /// - Parameter spectrogram: `[batch, channels, frames, bins]`
    /// - Returns: from -1 to 1, `[batch, outChannels, samples]`
    package func callAsFunction(_ spectrogram: Tensor) throws(TensorError) -> Tensor {
        var wave = try vocoder(spectrogram)
        let samples = wave.size(2)
        let surplus = samples % config.hopLength
        if surplus > 0 { wave = try wave.padded(0, config.hopLength - surplus) }
        let fine = try (extender(self.spectrogram(of: wave)) + resampling.finer(wave)).clamped(-1, 1)
        return try fine.slice(0..<samples * config.ratio, axis: 2).contiguous()
    }

    /// What a batch of waves takes besides weights, in bytes.
    ///
    /// - Parameters:
    ///   - batch: how many sounds
    ///   - frames: of each spectrogram
    /// - Returns: an upper estimate
    package static func bytes(_ config: LTX2VocoderWithBWEConfig, batch: Int, frames: Int) -> MemorySize {
        let samples = frames * config.vocoder.samplesPerFrame
        return max(
            LTX2Vocoder.bytes(config.vocoder, batch: batch, frames: frames),
            LTX2Vocoder.bytes(config.extender, batch: batch, frames: samples / config.hopLength + 1))
    }

    /// The spectrogram of a wave, of which a frame sees nothing that comes later.
    ///
    /// - Parameter wave: `[batch, channels, samples]`, a multiple of the hop
    /// - Returns: `[batch, channels, samples / hop, bins]`
    private func spectrogram(of wave: Tensor) throws(TensorError) -> Tensor {
        let (batch, channels, samples) = (wave.size(0), wave.size(1), wave.size(2))
        let before = config.windowLength - config.hopLength
        let single = try wave.reshaped(batch * channels, 1, samples).padded(before, 0)
        let parts = try convolution1D(single, weight: fourier, stride: config.hopLength).chunks(2, axis: 1)
        let magnitude = try sqrt(parts[0] * parts[0] + parts[1] * parts[1])
        let bins = try log(matmul(mel, magnitude).clamped(1e-5, .infinity))
        return try bins.reshaped(batch, channels, config.numMelChannels, -1).transposed(2, 3)
    }
}
