import JSON

/// Why a frame is not the message that it should be. The text is for logs of the supervisor; it has no bytes of a
/// guest.
package struct SandboxMessageError: Error, Hashable, Sendable {
  /// What is wrong.
  package let reason: String

  package init(_ reason: String) { self.reason = reason }

  static let limits = JSONLimits(depthMax: 8, bytesMax: SandboxFrame.headerBytesMax, nodesMax: 1_000)

  /// The members of the header, after the kind and the parts were checked.
  static func fields(
    of frame: SandboxFrame, _ kind: SandboxFrame.Kind, parts: Int
  ) throws(SandboxMessageError) -> JSONFields {
    guard frame.kind == kind else { throw SandboxMessageError("a \(frame.kind) frame where \(kind) is due") }
    guard frame.parts.count == parts else { throw SandboxMessageError("\(frame.parts.count) parts in \(kind)") }
    do { return JSONFields(try JSONDocument(parsing: frame.header, limits: limits).root) } catch {
      throw SandboxMessageError("the header of \(kind) is no JSON: \(error)")
    }
  }

  static func finish(_ fields: inout JSONFields) throws(SandboxMessageError) {
    do { try fields.finish() } catch {
      throw SandboxMessageError(error.faults.map { "\($0.pointer): \($0.code.rawValue)" }.joined(separator: ", "))
    }
  }
}
