package import MCP

/// Counts what nobody asked for within windows of time.
package struct FloodGuard: Sendable {
  /// Messages without a request of ours, blank lines and comments, in one window.
  package static let messagesMax = 2000
  /// Their bytes in one window: a few messages of the largest size.
  package static let bytesMax = 32 << 20
  private static let windowNanoseconds: UInt64 = 1_000_000_000

  private var windowStart: UInt64 = 0
  private var messages = 0
  private var bytes = 0

  /// At the start of a connection.
  package init() {}

  /// Counts messages; `false` when there are too many.
  package mutating func admits(_ count: Int = 1, bytes more: Int = 0, now: UInt64) -> Bool {
    if now &- windowStart >= FloodGuard.windowNanoseconds {
      windowStart = now
      messages = 0
      bytes = 0
    }
    messages = min(messages + min(count, FloodGuard.messagesMax + 1), FloodGuard.messagesMax + 1)
    bytes = min(bytes + min(more, FloodGuard.bytesMax + 1), FloodGuard.bytesMax + 1)
    return messages <= FloodGuard.messagesMax && bytes <= FloodGuard.bytesMax
  }

  /// What the end of the connection says.
  package static let error = MCPError(
    .tooManyMessages, "more than \(messagesMax) messages or \(bytesMax >> 20) MiB in a second that nobody asked for")
}
