package import Postgres

/// The notification channel on which the replicas of the orchestrator send each other hints.
package struct ReplicaChannel: Sendable {
  private static let name = "cadre_orchestrator"

  private let pool: PostgresPool

  /// The channel on the database of a pool.
  package init(pool: PostgresPool) { self.pool = pool }

  /// Sends a notification to every replica, this one included.
  package func notify(_ payload: String) async throws { try await pool.execute(ReplicaChannel.send, payload) }

  static let send = Statement<String, Void> { parameter in
    "select pg_notify('\(name)', \(parameter("payload", .text) { $0 }))"
  }

  /// A listener of the channel.
  package func listener() -> PostgresListener { PostgresListener(pool: pool, channel: ReplicaChannel.name) }
}
