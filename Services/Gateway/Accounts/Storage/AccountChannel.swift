internal import Contracts
package import Postgres
internal import Primitives

/// The notification channel on which the gateways hear of changes. A notification is sent by the transaction that makes
/// the change, so that it is heard when the change can be read.
package enum AccountChannel {
  static let name = "cadre_gateway_accounts"

  static let send = Statement<AccountNotice, Void> { parameter in
    "select pg_notify('\(name)', \(parameter("payload", .text) { $0.payload }))"
  }

  /// A listener of the channel.
  package static func listener(_ pool: PostgresPool) -> PostgresListener {
    PostgresListener(pool: pool, channel: name)
  }
}

extension AccountNotice {
  /// The text of the notification.
  package var payload: String {
    switch self {
    case .key(let id): id.description
    case .user(let id): id.description
    case .serviceAccount(let id): id.description
    case .tenant(let id): id.description
    case .all: "all"
    }
  }

  /// Reads a notification. What is not understood, from a newer gateway, puts all in doubt.
  package init(payload: String) {
    if let id = APIKeyID(payload) {
      self = .key(id)
    } else if let id = UserID(payload) {
      self = .user(id)
    } else if let id = ServiceAccountID(payload) {
      self = .serviceAccount(id)
    } else if let id = TenantID(payload) {
      self = .tenant(id)
    } else {
      self = .all
    }
  }
}
