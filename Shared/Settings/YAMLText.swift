/// YAML that is no configuration: without variables in it.
public enum YAMLText {
  /// Reads one document, with the limits of configuration files. Throws its faults.
  public static func read(_ bytes: [UInt8], path: String) throws(SettingsError) -> ConfigNode {
    let log = FaultLog()
    let read = YAMLDocument.read(bytes, path: path, environment: nil, log: log)
    guard let read, log.faults.isEmpty else { throw SettingsError(.invalid, log.faults) }
    return read.root
  }
}
