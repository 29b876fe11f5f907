/// Secrets that are given as the path of a file, as container platforms mount them.
enum SecretFile {
  /// Bytes of a secret. A certificate chain with its key fits.
  static let bytesMaximum = 64 * 1024

  /// Reads the secret whose path `reader` stands on; `nil` after a fault.
  static func read(_ reader: ConfigReader) -> ConfigNode? {
    guard let path = SettingType<String>.string(allowsEmpty: false).parse(reader) else { return nil }
    func fault(_ code: SettingsFault.Code, _ message: String) -> ConfigNode? {
      reader.log.add(code, reader.node.origin, key: reader.path, "the secret file \(path) \(message)")
      return nil
    }
    do {
      let file = try FileContents.read(path, limit: bytesMaximum)
      let secret = try file.text().trimmingBlanks
      if secret.isEmpty { return fault(.missing, "is empty") }
      if file.mode & 0o004 != 0 {
        reader.log.warn(
          "\(reader.node.origin): \(reader.path): every user can read the secret file \(path); allow its owner only "
            + "(chmod 600)")
      }
      return ConfigNode(.scalar(ConfigScalar(yaml: secret, isQuoted: true, written: Secret.mask)), reader.node.origin)
    } catch {
      return fault(error.code, error.message)
    }
  }
}
