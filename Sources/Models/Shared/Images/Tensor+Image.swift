internal import Diffusion
internal import Tensors

extension Tensor {
    /// An image as autoencoders take it, from -1 to 1, `[1, 3, height, width]`.
    ///
    /// - Parameters:
    ///   - image: a batch of one
    ///   - device: where it goes
    init(image: PixelBatch, on device: Device) throws(TensorError) {
        let bytes = try Tensor(
            image.bytes.map { Float($0) / 255 }, shape: [1, image.height, image.width, 3], on: device)
        self = try bytes.permuted(0, 3, 1, 2) * 2 - 1
    }
}
