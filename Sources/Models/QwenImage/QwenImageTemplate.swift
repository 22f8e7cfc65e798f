/// What a prompt stands in when the text encoder reads it.
// Source: diffusers 0.42.1, pipelines/qwenimage/pipeline_qwenimage.py, pipeline_qwenimage_edit.py and
// pipeline_qwenimage_edit_plus.py.
struct QwenImageTemplate {
    private let system: String
    /// The tokens before the prompt, whose states are left out.
    let leftOut: Int
    /// Whether images are numbered.
    var numbersImages = false

    /// - Parameter style: of the pipeline's class; nil for text to image
    init(_ style: QwenImage.Sight.Style?) {
        self = style == nil ? .textToImage : .edit
        numbersImages = style?.takesSeveral ?? false
    }

    private init(system: String, leftOut: Int) { (self.system, self.leftOut) = (system, leftOut) }

    private static let textToImage = QwenImageTemplate(
        system: "Describe the image by detailing the color, shape, size, texture, quantity, text, "
            + "spatial relationships of the objects and background:", leftOut: 34)
    private static let edit = QwenImageTemplate(
        system: "Describe the key features of the input image (color, shape, size, texture, objects, background), "
            + "then explain how the user's text instruction should alter or modify the image. Generate a new image "
            + "that meets the user's requirements while maintaining consistency with the original input where "
            + "appropriate.", leftOut: 64)

    /// The token that stands for a cell of an image.
    static let placeholder = "<|image_pad|>"
    /// What the templates write that must be single tokens.
    static let tokens = ["<|im_start|>", "<|im_end|>"]
    /// The same before and after an image.
    static let imageTokens = ["<|vision_start|>", placeholder, "<|vision_end|>"]

    /// The whole text.
    ///
    /// - Parameters:
    ///   - prompt: what the user wrote
    ///   - images: how many tokens each image has
    /// - Returns: the text, with as many placeholders as the images have tokens
    func text(_ prompt: String, images: [Int] = []) -> String {
        let pictures = images.enumerated().map { index, tokens in
            (numbersImages ? "Picture \(index + 1): " : "")
                + "<|vision_start|>\(String(repeating: Self.placeholder, count: tokens))<|vision_end|>"
        }
        return "<|im_start|>system\n\(system)<|im_end|>\n<|im_start|>user\n\(pictures.joined())\(prompt)<|im_end|>\n"
            + "<|im_start|>assistant\n"
    }
}
