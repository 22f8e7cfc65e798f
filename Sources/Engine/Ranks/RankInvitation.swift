/// What a new rank of this host hears on its standard input.
struct RankInvitation: Codable {
    let rank: Int
    /// Where the ranks meet.
    let host: String
    let port: Int
    let configuration: WorkerConfiguration
}

/// What a new process hears on its standard input, before anything else: what it is to be.
enum WorkerWelcome: Codable {
    /// A worker of an engine.
    case worker(WorkerInvitation)
    /// A rank beside the first.
    case rank(RankInvitation)
}
