package import JSON
internal import Primitives

/// Entries as the API and exports have them. What an export holds is all that its verification needs.
extension ChainedEntry {
  /// Bytes of the texts of an entry; what is read is not longer.
  private static let textBytesMax = 4096

  /// Writes the members of an entry.
  package func write(to writer: inout JSONWriter) {
    writer.member("sequence", link.sequence)
    writer.member("kind", entry.kind.rawValue)
    writer.member("time", "\(entry.time)")
    writer.member("request", "\(entry.request)")
    for (name, text) in texts where !text.isEmpty { writer.member(name, text) }
    if !entry.digest.isEmpty { writer.member("digest", AuditText.hex(entry.digest)) }
    if entry.status != 0 { writer.member("status", Int64(entry.status)) }
    if entry.count != 1 { writer.member("count", entry.count) }
    writer.member("hash", AuditText.hex(link.hash))
    writer.member("key", signature.key)
    writer.member("signature", AuditText.hex(signature.bytes))
  }

  private var texts: [(String, String)] {
    [
      ("subject", entry.subject), ("credential", entry.credential), ("identity", entry.identity),
      ("address", entry.address), ("method", entry.method), ("route", entry.route), ("resources", entry.resources),
      ("code", entry.code), ("decision", entry.decision), ("trace", entry.trace),
    ]
  }

  /// Reads an entry of a chain; `nil` when it is none. Members that are not known make it unreadable: they would not be
  /// covered by the hash.
  package init?(_ view: JSONView, of chain: AuditChainID) {
    guard let kind = view["kind"]?.string.flatMap(AuditEntry.Kind.init(rawValue:)),
      let request = view["request"]?.string.flatMap({ UUID($0) }),
      let time = view["time"]?.string.flatMap({ Timestamp(rfc3339: $0) })
    else { return nil }
    var entry = AuditEntry(kind, request: request, time: time)
    var sequence: Int64?
    var hash: [UInt8]?
    var key: String?
    var signature: [UInt8]?
    for (name, value) in view.members {
      let text = value.string
      if let text, text.utf8.count > ChainedEntry.textBytesMax { return nil }
      switch (name.string, text) {
      case ("kind", _?), ("request", _?), ("time", _?): break
      case ("subject", let text?): entry.subject = text
      case ("credential", let text?): entry.credential = text
      case ("identity", let text?): entry.identity = text
      case ("address", let text?): entry.address = text
      case ("method", let text?): entry.method = text
      case ("route", let text?): entry.route = text
      case ("resources", let text?): entry.resources = text
      case ("code", let text?): entry.code = text
      case ("decision", let text?): entry.decision = text
      case ("trace", let text?): entry.trace = text
      case ("digest", let text?):
        guard let bytes = Hex.decode(text) else { return nil }
        entry.digest = bytes
      case ("status", nil):
        guard let status = value.whole(in: 0...999) else { return nil }
        entry.status = Int(status)
      case ("count", nil):
        guard let count = value.whole(in: 0...Int64.max) else { return nil }
        entry.count = count
      case ("sequence", nil): sequence = value.whole(in: 1...Int64.max)
      case ("hash", let text?): hash = Hex.decode(text)
      case ("key", let text?): key = text
      case ("signature", let text?): signature = Hex.decode(text)
      default: return nil
      }
    }
    guard let sequence, let hash, let key, let signature else { return nil }
    self.init(
      entry, AuditLink(chain, sequence: sequence, hash: hash), AuditKeys.Signature(key: key, bytes: signature))
  }
}

extension SignedLink {
  /// Writes the members of a place.
  package func write(to writer: inout JSONWriter) {
    writer.member("sequence", link.sequence)
    writer.member("hash", AuditText.hex(link.hash))
    writer.member("key", signature.key)
    writer.member("signature", AuditText.hex(signature.bytes))
  }

  /// Reads a place of a chain; `nil` when it is none.
  package init?(_ view: JSONView, of chain: AuditChainID) {
    guard let sequence = view["sequence"]?.whole(in: 0...Int64.max),
      let hash = view["hash"]?.string.flatMap({ Hex.decode($0) }), let key = view["key"]?.string,
      let signature = view["signature"]?.string.flatMap({ Hex.decode($0) })
    else { return nil }
    self.init(
      AuditLink(chain, sequence: sequence, hash: hash), AuditKeys.Signature(key: key, bytes: signature))
  }
}
