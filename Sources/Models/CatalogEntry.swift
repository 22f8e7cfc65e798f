internal import Diffusion

/// How one family of models is recognised.
struct CatalogEntry: Sendable {
    /// Its name for people.
    let name: String
    /// The family; nil if it is not in this build.
    let family: (any ModelFamily.Type)?
    /// How its models lie in one file each; nil if this build reads none of those.
    let singleFile: (any SingleFileLayout.Type)?
    private let classNameParts, embeddedKeys: [[String]]

    /// A family of this build.
    ///
    /// - Parameters:
    ///   - family: the family
    ///   - parts: what a pipeline's class name has, at least one of each list
    ///   - keys: what the config in the metadata of a file with the whole model has, at least one of each list
    ///   - singleFile: how such files are read
    init(
        _ family: any ModelFamily.Type, classNameHas parts: [[String]], embeddedConfigHas keys: [[String]] = [],
        singleFile: (any SingleFileLayout.Type)? = nil
    ) {
        (name, self.family, self.singleFile) = (family.name, family, singleFile)
        (classNameParts, embeddedKeys) = (parts, keys)
    }

    /// A family that is only known by name.
    ///
    /// - Parameters:
    ///   - name: its name for people
    ///   - parts: what a pipeline's class name has, at least one of each list
    ///   - keys: what the config in the metadata of a file with the whole model has, at least one of each list
    init(_ name: String, classNameHas parts: [[String]], embeddedConfigHas keys: [[String]] = []) {
        (self.name, family, singleFile, classNameParts, embeddedKeys) = (name, nil, nil, parts, keys)
    }

    /// Whether a pipeline's class is of this family.
    func isOf(className: String) -> Bool {
        classNameParts.allSatisfy { $0.contains { className.contains($0) } }
    }

    /// Whether a file with the whole model is of this family.
    func isOf(embeddedConfig keys: Set<String>) -> Bool {
        !embeddedKeys.isEmpty && embeddedKeys.allSatisfy { !keys.isDisjoint(with: $0) }
    }
}
