/// How much the server takes; what goes beyond is refused by name before anything is done.
package struct ServerLimits: Sendable, Equatable {
    /// Of a whole request, in bytes.
    package var bodyBytes = 32 << 20
    /// Of all requests that are being read and checked, their decoded images included, in bytes.
    package var requestMemory = 512 << 20
    /// Of the name of a field, in bytes.
    package var nameBytes = 128
    /// Values in a request's JSON, at every depth.
    package var values = 10_000
    /// Of one text field of a form, in bytes.
    package var fieldBytes = 1 << 20
    /// Parts of a form.
    package var parts = 64
    /// All header lines of a request, in bytes.
    package var headerBytes = 32 << 10
    /// Header lines of a request.
    package var headers = 100
    /// How long a request's body may take to arrive, in seconds.
    package var bodySeconds = 60
    /// How long a connection may be idle, or take to send its header lines, in seconds.
    package var idleSeconds = 30
    /// Connections at once.
    package var connections = 4096
    /// Of a prompt.
    package var promptCharacters = 32_000
    /// Images of one request.
    package var images = 10
    /// Of one image or frame.
    package var pixels = 1 << 22
    /// Pixels of all images or frames of one request, times its steps.
    package var work = 1 << 38
    /// Pixels of an input image, looked up before it is decoded.
    package var inputPixels = 1 << 25
    /// Input images of one request.
    package var inputImages = 16
    /// How long the images that a request names by URLs may take to arrive, in seconds.
    package var fetchSeconds = 30
    /// Frames of a video.
    package var frames = 7200
    /// Seconds of a video.
    package var seconds = 60.0
    /// Frames of a video in a second.
    package var frameRate = 120.0
    /// Requests that wait.
    package var waiting = 256
    /// Requests of one key that wait.
    package var waitingPerKey = 64
    /// Requests of equal shape that are computed together; 1 computes each by itself.
    package var batch = 4
    /// How long finished jobs and their files are kept, in seconds.
    package var keepSeconds = 86_400.0
    /// Bytes of all kept files; the oldest finished jobs make room.
    package var storageBytes = 20 << 30

    package init() {}
}
