import Layers
import Tensors
import Testing
import VisualGen

/// Which exact kernel a backend stands for.
@Suite struct AttentionConfigPlanTests {
    @Test(arguments: [
        (AttentionConfig.Backend.vanilla, AttentionBackend?.none), (.trtllm, nil), (.cuteDSL, nil), (.fa4, .parts),
        (.cuDNN, .sdpa),
    ])
    func namesItsKernel(_ backend: AttentionConfig.Backend, _ kernel: AttentionBackend?) {
        var config = AttentionConfig()
        config.backend = backend
        #expect(config.plan(on: .cuda(0))?.backend == kernel)
    }
}
