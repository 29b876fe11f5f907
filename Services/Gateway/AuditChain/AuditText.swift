internal import Primitives

/// Hashes as text.
enum AuditText {
  static func hex(_ bytes: [UInt8]) -> String { Hex.encode(bytes) }
}
