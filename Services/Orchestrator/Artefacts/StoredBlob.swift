package import Primitives

/// Content that is stored: bytes under their digest, once for each tenant.
package struct StoredBlob: Sendable, Hashable {
  package let id: UUID
  /// 32 bytes.
  package let sha256: [UInt8]
  package let bytes: Int64

  package init(id: UUID, sha256: [UInt8], bytes: Int64) {
    self.id = id
    self.sha256 = sha256
    self.bytes = bytes
  }
}

/// Why content was not stored.
package enum BlobRefusal: Error, Hashable {
  /// It has more bytes than are allowed.
  case tooLarge(bytesMax: Int)
  /// It was removed while it was being stored or named: the same request may succeed at once.
  case removed
}
