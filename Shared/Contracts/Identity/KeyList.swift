/// A list of secrets with names, as a setting holds it: `id:secret`, separated by commas.
public struct KeyList: Sendable {
  /// One secret.
  public struct Key: Sendable {
    /// Its name: 1 to 32 lower-case letters, digits and hyphens.
    public let id: [UInt8]
    /// The secret: 32 to 256 letters, digits and `._~+/=-`.
    public let secret: [UInt8]
  }

  /// The first secret.
  public let first: Key
  /// All secrets in their order, the first too.
  public let keys: [Key]

  /// Reads a setting. Throws what is wrong with it, without any part of a secret.
  public init(_ setting: String, named name: String) throws(KeyListError) {
    func fault(_ what: String) -> KeyListError { KeyListError(description: "\(name) \(what)") }
    var keys: [Key] = []
    for entry in setting.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
      let entry = KeyList.trimmed(entry)
      guard let colon = entry.firstIndex(of: UInt8(ascii: ":")) else {
        throw fault("must be a list of id:secret, separated by commas")
      }
      let id = Array(entry[..<colon])
      let secret = Array(entry[entry.index(after: colon)...])
      guard (1...SigningKeys.idBytesMax).contains(id.count), id.allSatisfy(KeyList.isOfID) else {
        throw fault("has an id that is not 1 to \(SigningKeys.idBytesMax) lower-case letters, digits and hyphens")
      }
      let label = String(decoding: id, as: UTF8.self)
      guard SigningKeys.secretBytes.contains(secret.count) else {
        throw fault(
          "has a secret of \(secret.count) bytes under \(label); \(SigningKeys.secretBytes.lowerBound) to "
            + "\(SigningKeys.secretBytes.upperBound) are allowed")
      }
      guard secret.allSatisfy(KeyList.isOfSecret) else {
        throw fault("has a secret under \(label) with other characters than letters, digits and ._~+/=-")
      }
      guard !keys.contains(where: { $0.id == id }) else { throw fault("has the id \(label) twice") }
      guard !keys.contains(where: { $0.secret == secret }) else {
        throw fault("has a secret twice, again under \(label)")
      }
      keys.append(Key(id: id, secret: secret))
    }
    guard let first = keys.first else { throw fault("is empty") }
    guard keys.count <= SigningKeys.countMax else {
      throw fault("has \(keys.count) keys; \(SigningKeys.countMax) are allowed")
    }
    self.first = first
    self.keys = keys
  }

  private static func trimmed(_ entry: Substring.UTF8View) -> Substring.UTF8View {
    var entry = entry
    while let first = entry.first, isSpace(first) { entry.removeFirst() }
    while let last = entry.last, isSpace(last) { entry.removeLast() }
    return entry
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }

  private static func isOfID(_ byte: UInt8) -> Bool {
    (97...122).contains(byte) || (48...57).contains(byte) || byte == UInt8(ascii: "-")
  }

  private static func isOfSecret(_ byte: UInt8) -> Bool {
    (97...122).contains(byte) || (65...90).contains(byte) || (48...57).contains(byte)
      || "._~+/=-".utf8.contains(byte)
  }
}

/// A list of keys is not usable.
public struct KeyListError: Error, CustomStringConvertible, Sendable {
  /// What is wrong, without secrets.
  public let description: String
}
