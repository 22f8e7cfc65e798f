internal import Diffusion
internal import Layers
internal import Tensors

/// The config of a network from spectrograms to waves.
protocol LTX2WaveConfig: ModelConfig {
    /// Of a spectrogram: channels times bins.
    var inChannels: Int { get }
    var outChannels: Int { get }
    /// What a batch of waves takes besides weights, in bytes, as an upper estimate; `frames` are those of each spectrogram.
    func bytes(batch: Int, frames: Int) -> MemorySize
}

/// A network from spectrograms to waves.
protocol LTX2WaveMaker {
    /// How many samples a second the waves have.
    var samplingRate: Int { get }
    /// `[batch, channels, frames, bins]` to `[batch, channels, samples]`.
    func callAsFunction(_ spectrogram: Tensor) throws(TensorError) -> Tensor
}

extension LTX2VocoderConfig: LTX2WaveConfig {
    func bytes(batch: Int, frames: Int) -> MemorySize { LTX2Vocoder.bytes(self, batch: batch, frames: frames) }
}

extension LTX2VocoderWithBWEConfig: LTX2WaveConfig {
    func bytes(batch: Int, frames: Int) -> MemorySize {
        LTX2VocoderWithBWE.bytes(self, batch: batch, frames: frames)
    }
}

extension LTX2Vocoder: LTX2WaveMaker {}
extension LTX2VocoderWithBWE: LTX2WaveMaker {}

/// A component from spectrograms to waves, whichever class its config is of.
protocol LTX2WaveComponent: InspectableComponent {
    /// Of a spectrogram: channels times bins.
    var inChannels: Int { get }
    /// What a batch of waves takes besides weights, in bytes; see ``LTX2WaveConfig``.
    func bytes(batch: Int, frames: Int) -> MemorySize
    /// What is wrong with its config.
    func error(_ fault: ConfigFault) -> ConfigError
    /// The component, in memory when it is needed.
    func resident(_ context: ComputeContext) -> any LTX2ResidentWaveMaker
}

extension Component: LTX2WaveComponent where Config: LTX2WaveConfig, Module: LTX2WaveMaker {
    var inChannels: Int { config.inChannels }
    func bytes(batch: Int, frames: Int) -> MemorySize { config.bytes(batch: batch, frames: frames) }
    func resident(_ context: ComputeContext) -> any LTX2ResidentWaveMaker { Resident(self, context) }
}

/// A component from spectrograms to waves, in memory when it is needed.
protocol LTX2ResidentWaveMaker: ResidentComponent {
    /// The network; whoever keeps it keeps its weights in memory.
    func network() throws -> any LTX2WaveMaker
}

extension Resident: LTX2ResidentWaveMaker where Config: LTX2WaveConfig, Module: LTX2WaveMaker {
    func network() throws -> any LTX2WaveMaker { try self() }
}
