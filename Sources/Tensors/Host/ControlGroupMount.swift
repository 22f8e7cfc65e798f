/// Where a hierarchy of control groups is seen, as a line of `/proc/self/mountinfo` tells it.
struct ControlGroupMount {
    /// Of version 1; nil for version 2.
    private let controllers: [Substring]?
    /// The group that lies at the folder, and the folder.
    private let group, folder: String

    /// - Parameter root: the folder in which `/proc` is looked for
    /// - Returns: all of them; where nothing tells, the usual one
    static func all(root: String) -> [ControlGroupMount] {
        guard let text = SystemFile.text("\(root)/proc/self/mountinfo") else {
            return [ControlGroupMount(controllers: nil, group: "/", folder: "/sys/fs/cgroup")]
        }
        return text.split(separator: "\n").compactMap(ControlGroupMount.init)
    }

    private init(controllers: [Substring]?, group: String, folder: String) {
        (self.controllers, self.group, self.folder) = (controllers, group, folder)
    }

    /// - Parameter line: `id parent device group folder options [more …] - type source options`
    private init?(_ line: Substring) {
        let fields = line.split(separator: " ")
        guard let dash = fields.firstIndex(of: "-"), dash >= 6, fields.count > dash + 3 else { return nil }
        switch fields[dash + 1] {
        case "cgroup2": controllers = nil
        case "cgroup": controllers = fields[dash + 3].split(separator: ",")
        default: return nil
        }
        (group, folder) = (Self.plain(fields[3]), Self.plain(fields[4]))
    }

    /// - Parameter controller: of version 1; nil for version 2
    /// - Returns: whether its groups are seen here
    func holds(_ controller: String?) -> Bool {
        controller.map { controllers?.contains(Substring($0)) ?? false } ?? (controllers == nil)
    }

    /// The folders of a group and of those above it, as far as they are seen here.
    ///
    /// - Parameter path: the group, as the kernel names it
    /// - Returns: its own folder first
    func folders(of path: String) -> [String] {
        var names = path.split(separator: "/")
        let above = group.split(separator: "/")
        // A group outside of what is mounted is held to the limits of what is.
        names = names.starts(with: above) && !names.contains("..") ? Array(names.dropFirst(above.count)) : []
        return stride(from: names.count, through: 0, by: -1).map { depth in
            names.prefix(depth).reduce(folder == "/" ? "" : folder) { "\($0)/\($1)" }
        }
    }

    /// A path in which blanks and their like stand as three octal digits.
    private static func plain(_ field: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = field.utf8[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), digits.count == 3, let code = UInt8(String(Substring(digits)), radix: 8) {
                bytes.append(code)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
