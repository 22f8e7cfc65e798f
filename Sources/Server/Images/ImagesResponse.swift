internal import Diffusion
internal import Foundation

/// The answer to a request for images.
struct ImagesResponse: Encodable {
    struct Item: Encodable {
        var b64Json: Base64Bytes?
        var url: String?
        let revisedPrompt: String
    }

    let id: String
    let created: Int
    let data: [Item]
    let model: String
    let outputFormat: String
    let quality = "medium"
    let background = "opaque"
    let size: String
    let seed: UInt64
    let usage: ImageUsage
    let cache: [CacheSummary]?
    let warnings: [String]?

    /// - Parameters:
    ///   - job: completed
    ///   - model: what clients call the model
    ///   - items: its images
    ///   - inputs: the sizes of the images that the request brought
    ///   - warnings: what was accepted and changes nothing
    init(_ job: Job, model: String, items: [Item], inputs: [OutputSize], warnings: [String]) {
        (id, data, self.model, outputFormat) = (job.id, items, model, job.work.format)
        created = Int(job.completedAt ?? job.createdAt)
        let request = job.work.request
        size = "\(request.width ?? 0)x\(request.height ?? 0)"
        (seed, cache) = (request.seeds.first ?? 0, job.cacheSummary)
        usage = ImageUsage(request, inputs: inputs)
        self.warnings = warnings.isEmpty ? nil : warnings
    }
}
