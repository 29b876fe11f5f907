internal import COpenSSL

/// Where a sealed secret is stored. What was sealed for one place opens at no other.
public struct SealedPlace: Sendable, Equatable {
  /// Names the form of the bytes below.
  private static let label = Array("cadre sealed place v1".utf8)

  /// The tenant, or a word for the installation.
  public let tenant: String
  /// The table.
  public let table: String
  /// The row, and the column where there are several.
  public let id: String

  /// Makes a place.
  public init(tenant: String, table: String, id: String) {
    self.tenant = tenant
    self.table = table
    self.id = id
  }

  /// The place as additional data: each part behind its length, so that no two places have the same bytes.
  var bytes: [UInt8] {
    var bytes = SealedPlace.label
    for part in [tenant, table, id] {
      withUnsafeBytes(of: UInt32(truncatingIfNeeded: part.utf8.count).bigEndian) { bytes.append(contentsOf: $0) }
      bytes.append(contentsOf: part.utf8)
    }
    return bytes
  }
}

/// Seals secrets for storage with AES-256-GCM. Each has a data key of its own; the data key is wrapped by the first key
/// of a list. Every key of the list opens. A change of keys wraps the data keys anew and leaves the secrets as they are.
///
/// ```
/// 2 | length of the key's id | id | wrapped data key (60 bytes) | sealed secret
/// ```
public struct SecretSealer: Sendable {
  /// The first byte of what it seals.
  public static let form: UInt8 = 2

  private static let purpose = Array("cadre wrapping key v1".utf8)
  private static let wrappedBytes = SealingKey.keyBytes + SealingKey.overheadBytes

  private let keys: [(id: [UInt8], key: SealingKey)]

  /// Uses a list of keys, each an id of at most 255 bytes and a secret of any length. An empty list seals and opens
  /// nothing.
  public init(keys: [(id: [UInt8], secret: [UInt8])]) {
    self.keys = keys.compactMap { id, secret in
      guard !id.isEmpty, id.count <= Int(UInt8.max) else { return nil }
      // One secret has one key for each purpose.
      return SealingKey(Digest.hmacSHA256(SecretSealer.purpose, key: secret)).map { (id, $0) }
    }
  }

  /// Whether something can be sealed.
  public var canSeal: Bool { !keys.isEmpty }

  /// Seals a secret for a place; `nil` without a key, or when it is over `SealingKey.plainBytesMax`.
  public func seal(_ plain: [UInt8], at place: SealedPlace) -> [UInt8]? {
    guard let (id, key) = keys.first else { return nil }
    var dataKey = [UInt8](repeating: 0, count: SealingKey.keyBytes)
    defer { Secrets.erase(&dataKey) }
    guard RAND_bytes(&dataKey, Int32(dataKey.count)) == 1 else { return nil }
    let head = SecretSealer.head(id)
    guard let wrapped = key.seal(dataKey, context: head + place.bytes),
      let body = SealingKey(dataKey)?.seal(plain, context: place.bytes)
    else { return nil }
    return head + wrapped + body
  }

  /// The secret; `nil` when its key is not in the list, the place is another, or a bit was changed.
  public func open(_ sealed: [UInt8], at place: SealedPlace) -> [UInt8]? {
    var dataKey: [UInt8] = []
    defer { Secrets.erase(&dataKey) }
    guard let body = unwrap(sealed, at: place, into: &dataKey) else { return nil }
    return SealingKey(dataKey)?.open(Array(body), context: place.bytes)
  }

  /// Whether the first key of the list has sealed it.
  public func isCurrent(_ sealed: [UInt8]) -> Bool {
    guard let first = keys.first, let id = SecretSealer.keyID(of: sealed) else { return false }
    return first.id.elementsEqual(id)
  }

  /// The same secret with its data key under the first key of the list; `nil` when it cannot be opened.
  public func rewrapped(_ sealed: [UInt8], at place: SealedPlace) -> [UInt8]? {
    var dataKey: [UInt8] = []
    defer { Secrets.erase(&dataKey) }
    guard let (id, key) = keys.first, let body = unwrap(sealed, at: place, into: &dataKey) else { return nil }
    let head = SecretSealer.head(id)
    return key.seal(dataKey, context: head + place.bytes).map { head + $0 + body }
  }

  /// The id of the key that has sealed it; `nil` for other bytes.
  public static func keyID(of sealed: [UInt8]) -> ArraySlice<UInt8>? {
    guard sealed.count >= 2, sealed[0] == form else { return nil }
    let id = sealed.dropFirst(2).prefix(Int(sealed[1]))
    return id.isEmpty || id.count < Int(sealed[1]) ? nil : id
  }

  /// Opens the data key into a buffer that the caller erases. Returns the sealed secret.
  private func unwrap(_ sealed: [UInt8], at place: SealedPlace, into dataKey: inout [UInt8]) -> ArraySlice<UInt8>? {
    guard let id = SecretSealer.keyID(of: sealed), let (_, key) = keys.first(where: { $0.id.elementsEqual(id) }) else {
      return nil
    }
    let head = SecretSealer.head(id)
    let rest = sealed.dropFirst(head.count)
    let wrapped = Array(rest.prefix(SecretSealer.wrappedBytes))
    guard let opened = key.open(wrapped, context: head + place.bytes) else { return nil }
    dataKey = opened
    return rest.dropFirst(SecretSealer.wrappedBytes)
  }

  private static func head(_ id: some Collection<UInt8>) -> [UInt8] { [form, UInt8(clamping: id.count)] + id }
}
