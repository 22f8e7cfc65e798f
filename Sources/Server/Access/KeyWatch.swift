internal import ServiceLifecycle

/// Looks at the file of keys also while nobody asks, so that what is wrong with it is told in time.
struct KeyWatch: Service {
    let keys: APIKeys?

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                keys?.refresh()
                try? await Task.sleep(for: .seconds(2))
            }
        }
    }
}
