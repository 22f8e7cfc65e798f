internal import Foundation

/// An error of Foundation as a sentence of ours: its own words are codes and domains.
struct LibraryError: CustomStringConvertible {
    let description: String

    /// - Parameter error: nil comes of any other error
    init?(_ error: any Error) {
        switch error {
        case let error as CocoaError: description = Self.sentence(error)
        case let error as POSIXError: description = Self.reason(error.code)
        case is DecodingError: description = "data that another part of the program wrote cannot be read"
        case is EncodingError: description = "data cannot be written in their format"
        default:
            guard type(of: error) is NSError.Type else { return nil }
            let error = error as NSError
            let isNumber = error.domain == NSPOSIXErrorDomain
            description =
                isNumber
                ? String(cString: strerror(Int32(clamping: error.code)))
                : "the system refused: \(error.localizedDescription)"
        }
    }

    private static func sentence(_ error: CocoaError) -> String {
        let path = error.filePath ?? error.url?.path ?? "a file"
        return "\(path) cannot be used: \(reason(error))"
    }

    private static func reason(_ error: CocoaError) -> String {
        if let underlying = error.underlying as? POSIXError { return reason(underlying.code) }
        if let underlying = error.underlying as NSError?, underlying.domain == NSPOSIXErrorDomain {
            return String(cString: strerror(Int32(clamping: underlying.code)))
        }
        let code: POSIXErrorCode? =
            switch error.code {
            case .fileNoSuchFile, .fileReadNoSuchFile: .ENOENT
            case .fileReadNoPermission, .fileWriteNoPermission: .EACCES
            case .fileWriteFileExists: .EEXIST
            case .fileWriteOutOfSpace: .ENOSPC
            case .fileWriteVolumeReadOnly: .EROFS
            case .fileReadTooLarge: .EFBIG
            default: nil
            }
        return code.map(reason) ?? "the system refused"
    }

    private static func reason(_ code: POSIXErrorCode) -> String { String(cString: strerror(code.rawValue)) }
}
