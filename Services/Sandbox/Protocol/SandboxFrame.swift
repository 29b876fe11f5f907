/// One message on the control descriptor of a sandboxed process.
///
/// On the wire: the length of what follows (4 bytes, big-endian), the kind (1 byte), the count of parts (1), the
/// length of the header (4), the length of each part (4 each), the header (JSON), the parts (raw bytes). All lengths
/// must add up.
package struct SandboxFrame: Hashable, Sendable {
  /// What a message is. The supervisor sends requests, the jail and the worker answer.
  package enum Kind: UInt8, Sendable, CaseIterable {
    /// From the jail, before it becomes the program: the layers that are active.
    case jailed = 1
    /// From the jail: a layer is missing or the program cannot be started. The process ends.
    case refused = 2
    /// From the worker: it takes requests.
    case ready = 3
    /// To the worker: run something.
    case run = 4
    /// From the worker: how a run has ended.
    case report = 5
    /// To the worker: compile a module.
    case compile = 6
    /// From the worker: the compiled module, or why there is none.
    case compiled = 7
  }

  /// What it is.
  package let kind: Kind
  /// A JSON object.
  package let header: [UInt8]
  /// Raw bytes that belong to it.
  package let parts: [[UInt8]]

  /// Makes a frame.
  package init(_ kind: Kind, header: [UInt8], parts: [[UInt8]] = []) {
    self.kind = kind
    self.header = header
    self.parts = parts
  }

  /// Most bytes after the length: a compiled module of the largest size that is accepted.
  package static let bytesMax = 96 << 20
  /// Most bytes of a header: names and numbers only.
  package static let headerBytesMax = 64 << 10
  /// Most parts.
  package static let partsMax = 4

  /// The bytes on the wire. Throws when the frame is over its bounds.
  package func encoded() throws(SandboxFrameError) -> [UInt8] {
    guard header.count <= Self.headerBytesMax, parts.count <= Self.partsMax else { throw .tooLarge }
    var count = 6 + 4 * parts.count + header.count
    for part in parts {
      guard part.count <= Self.bytesMax - count else { throw .tooLarge }
      count += part.count
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + 4)
    Self.append(count, to: &bytes)
    bytes.append(kind.rawValue)
    bytes.append(UInt8(clamping: parts.count))
    Self.append(header.count, to: &bytes)
    for part in parts { Self.append(part.count, to: &bytes) }
    bytes += header
    for part in parts { bytes += part }
    return bytes
  }

  private static func append(_ value: Int, to bytes: inout [UInt8]) {
    for shift in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
  }
}

/// Why bytes are no frame. A stream with such a fault cannot be read further.
package enum SandboxFrameError: Error, Hashable, Sendable {
  /// Over a bound of `SandboxFrame`.
  case tooLarge
  /// Lengths that do not add up, or an unknown kind.
  case malformed
}
