/// What a client asks of the routes for images.
enum ImageTask: String {
    case generation
    /// Of images that the client brings along.
    case edit
}
