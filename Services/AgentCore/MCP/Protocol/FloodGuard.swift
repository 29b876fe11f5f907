package import MCP

/// Counts messages that nobody asked for within windows of time.
package struct FloodGuard: Sendable {
  /// Messages without a request of ours, in one window.
  package static let messagesMax = 2000
  private static let windowNanoseconds: UInt64 = 1_000_000_000

  private var windowStart: UInt64 = 0
  private var count = 0

  /// At the start of a connection.
  package init() {}

  /// Counts a message; `false` when there are too many.
  package mutating func admits(now: UInt64) -> Bool {
    if now &- windowStart >= FloodGuard.windowNanoseconds {
      windowStart = now
      count = 0
    }
    count += 1
    return count <= FloodGuard.messagesMax
  }

  /// What the end of the connection says.
  package static let error = MCPError(
    .tooManyMessages, "more than \(messagesMax) messages in a second that nobody asked for")
}
