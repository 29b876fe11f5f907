public import Contracts

/// The memories of a step's project. Every call throws `WorkspaceError` or `CancellationError`.
public protocol MemoryStoring: Sendable {
  /// Stores a memory. With a `key`, a second call with the same key returns the first memory and stores nothing.
  func remember(_ text: String, tags: [String], key: String?, for step: WorkspaceStep) async throws -> StoredMemory

  /// The memories that fit a query best, best first.
  func recall(_ query: String, limit: Int, for step: WorkspaceStep) async throws -> [StoredMemory]
}
