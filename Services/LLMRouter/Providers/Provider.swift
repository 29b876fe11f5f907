internal import Dialects
internal import HTTPWire
internal import Settings

/// A provider as it was declared, in the configuration or by the API.
struct ProviderRecord: Sendable {
  var name: String
  var kind: ProviderKind
  var baseURL: String
  var keys: [KeySource]
  /// A key of the configuration, which may be given there in place of a source.
  var configuredKey: Secret?
  var priority = 0
  var weight = 1
  /// Times that differ from those of the settings.
  var times = ProviderTimes.Own()
  var isEnabled = true
}

/// A provider ready to be called.
struct Provider: Sendable {
  let record: ProviderRecord
  let base: HTTPURL
  /// The keys that were found; a single empty one when none is needed.
  let keys: [Secret]
  /// Keys that are declared and cannot be found.
  let missingKeys: Int

  init(_ record: ProviderRecord, keyFolder: String) throws(HTTPWireError) {
    self.record = record
    base = try HTTPURL(record.baseURL)
    var keys: [Secret] = record.configuredKey.map { [$0] } ?? []
    var missing = 0
    for source in record.keys {
      if let key = source.resolve(folder: keyFolder) { keys.append(key) } else { missing += 1 }
    }
    missingKeys = missing
    self.keys = keys.isEmpty && missing == 0 ? [Secret("")] : keys
  }

  var name: String { record.name }
  var kind: ProviderKind { record.kind }

  func url(_ wire: Dialect) throws(HTTPWireError) -> HTTPURL { try base.appending(path: wire.path) }

  /// The headers by which this provider knows the caller.
  func authorize(_ headers: inout HTTPHeaders, key: Secret) {
    let text = key.reveal()
    guard !text.isEmpty else { return }
    if kind == .anthropic { headers.append(.xAPIKey, text) } else { headers.append(.authorization, "Bearer \(text)") }
  }
}
