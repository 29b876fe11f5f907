package import Dialects
package import HTTPWire
package import Settings

/// A provider ready to be called.
package struct Provider: Sendable {
  package let record: ProviderRecord
  package let base: HTTPURL
  /// The keys that were found; a single empty one when none is needed.
  package let keys: [Secret]
  /// Keys that are declared and cannot be found.
  package let missingKeys: Int

  /// Looks up its keys. Throws when the base URL is none.
  package init(_ record: ProviderRecord, keyFolder: String) throws(HTTPWireError) {
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

  package var name: String { record.name }
  package var kind: ProviderKind { record.kind }

  /// The address for calls in a dialect.
  package func url(_ wire: Dialect) throws(HTTPWireError) -> HTTPURL { try base.appending(path: wire.path) }

  /// The headers that authorize a call at this provider.
  package func authorize(_ headers: inout HTTPHeaders, key: Secret) {
    let text = key.reveal()
    guard !text.isEmpty else { return }
    if kind == .anthropic { headers.append(.xAPIKey, text) } else { headers.append(.authorization, "Bearer \(text)") }
  }
}
