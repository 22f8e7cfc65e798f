internal import Foundation
package import Layers

/// A checkpoint in Diffusers layout, `model_index.json` and a folder for each component, or a single file told as one.
package struct CheckpointFolder: Sendable {
    /// The folder, or the file.
    package let path: String
    /// The pipeline's class, for example `FluxPipeline`.
    package let pipelineClass: String
    /// The class of each component by its name; nil for one that the checkpoint goes without.
    package private(set) var components: [String: String?]
    /// What `model_index.json` says of the pipeline itself besides its components.
    package let settings: [String: ParameterValue]
    /// Request fields that the checkpoint itself chooses, from the key `_visualgen_defaults`.
    package let defaults: Defaults
    /// Whether config keys and tensors that this build does not know are skipped instead of refused.
    package let allowsUnknown: Bool
    /// What the user sets for the whole model: `pipeline_config`.
    package let pipelineConfig: [String: ParameterValue]
    /// Whether the model is one file.
    package let isFile: Bool
    /// Where components lie that are in no folder of their name.
    private var places: [String: ComponentPlace]

    /// Opens a folder and reads its index.
    ///
    /// - Parameters:
    ///   - path: the folder
    ///   - allowingUnknown: whether unknown config keys and tensors are skipped instead of refused
    ///   - pipelineConfig: what the user sets for the whole model
    /// - Throws: ``CheckpointError`` or ``ConfigError``
    package init(_ path: String, allowingUnknown: Bool = false, pipelineConfig: [String: ParameterValue] = [:]) throws {
        self.path = path
        (allowsUnknown, self.pipelineConfig) = (allowingUnknown, pipelineConfig)
        (isFile, places) = (false, [:])
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw CheckpointError.notFound(path)
        }
        guard isFolder.boolValue else { throw CheckpointError.notFolder(path) }
        let index = "\(path)/model_index.json"
        guard FileManager.default.fileExists(atPath: index) else {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
            throw CheckpointError.noIndex(path, found: names.sorted())
        }
        let values = try JSONFile.object(at: index)
        guard let name = values["_class_name"] as? String else {
            throw ConfigError(file: index, fault: .value("_class_name", found: "no text"))
        }
        pipelineClass = name
        var components: [String: String?] = [:]
        var settings: [String: ParameterValue] = [:]
        for (key, value) in values where !key.hasPrefix("_") {
            if let pair = value as? [Any], pair.count == 2 {
                components[key] = .some(pair[1] as? String)
            } else {
                settings[key] = ParameterValue(json: value)
            }
        }
        (self.components, self.settings) = (components, settings)
        do throws(ConfigFault) {
            defaults = try Defaults.read(inIndex: values, allowingUnknown: allowingUnknown)
        } catch {
            throw ConfigError(file: index, fault: error)
        }
    }

    /// Takes a single file's components.
    ///
    /// - Parameters:
    ///   - model: the model
    ///   - allowingUnknown: whether unknown config keys and tensors are skipped instead of refused
    ///   - pipelineConfig: what the user sets for the whole model
    package init(
        _ model: SingleFileModel, allowingUnknown: Bool = false, pipelineConfig: [String: ParameterValue] = [:]
    ) {
        (path, pipelineClass, isFile) = (model.path, model.pipelineClass, true)
        (allowsUnknown, self.pipelineConfig) = (allowingUnknown, pipelineConfig)
        (components, settings, defaults, places) = ([:], [:], Defaults(), [:])
        for part in model.parts { place(part.name, at: .part(part), class: part.className) }
    }

    /// Puts a component that lies elsewhere in the place of the checkpoint's own.
    mutating func place(_ component: String, at place: ComponentPlace, class className: String) {
        components[component] = .some(className)
        places[component] = place
    }

    /// Whether the checkpoint names a component and its class.
    ///
    /// - Parameter component: its name
    /// - Returns: false also for one that is named as absent
    package func has(_ component: String) -> Bool { components[component].flatMap { $0 } != nil }

    /// Where a component lies.
    ///
    /// - Parameters:
    ///   - component: its name
    ///   - expected: the classes this build has for it
    /// - Returns: its folder, or its part of the file
    package func place(_ component: String, classes expected: [String]) throws(CheckpointError) -> ComponentPlace {
        guard let listed = components[component], let found = listed else {
            throw .missingComponent(component, in: path)
        }
        guard expected.contains(found) else { throw .componentClass(component, found: found, expected: expected) }
        if let place = places[component] { return place }
        let folder = "\(path)/\(component)"
        guard FileManager.default.fileExists(atPath: folder) else { throw .missingComponent(component, in: path) }
        return .folder(folder)
    }

    /// The path of the folder of a component that lies in none but one of its own.
    ///
    /// - Parameters:
    ///   - component: its name
    ///   - expected: the classes this build has for it
    /// - Returns: the folder
    package func folder(_ component: String, classes expected: [String]) throws(CheckpointError) -> String {
        guard case .folder(let folder) = try place(component, classes: expected) else {
            throw .missingComponent(component, in: path)
        }
        return folder
    }

    /// Reads the config of a component that has no weights.
    ///
    /// - Parameters:
    ///   - component: its name
    ///   - file: the file in its folder
    ///   - expected: the classes this build has for it
    /// - Returns: the config
    /// - Throws: ``CheckpointError`` or ``ConfigError``
    package func config<Config: ModelConfig>(_ component: String, file: String, classes expected: [String]) throws
        -> Config
    {
        try place(component, classes: expected).config(file, allowingUnknown: allowsUnknown).0
    }

    /// A path that the user sets for the whole model.
    ///
    /// - Parameter key: its key in `pipeline_config`
    /// - Returns: nil where the user sets none
    package func pipelinePath(_ key: String) throws(CheckpointError) -> String? {
        guard let value = pipelineConfig[key], value != .null else { return nil }
        guard let path = value.text, !path.isEmpty else { throw .noPath(key) }
        return path
    }
}
