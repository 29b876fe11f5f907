internal import Primitives

/// The bytes that are hashed: every member behind its length, in a fixed order. One entry has exactly one form.
extension AuditEntry {
  private static let label = Array("cadre audit entry v1".utf8)

  /// The bytes of an entry at a place of a chain.
  func canonical(_ chain: AuditChainID, _ sequence: Int64, after previous: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(512)
    func part(_ part: some Collection<UInt8>) {
      withUnsafeBytes(of: UInt32(truncatingIfNeeded: part.count).bigEndian) { bytes.append(contentsOf: $0) }
      bytes.append(contentsOf: part)
    }
    func number(_ value: Int64) { withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) } }
    part(AuditEntry.label)
    part(chain.uuid.bytes)
    number(sequence)
    part(previous)
    part(kind.rawValue.utf8)
    part(request.bytes)
    number(time.unixMicroseconds)
    for text in [subject, credential, identity, address, method, route, resources] { part(text.utf8) }
    part(digest)
    number(Int64(status))
    part(code.utf8)
    number(count)
    part(decision.utf8)
    part(trace.utf8)
    return bytes
  }
}
