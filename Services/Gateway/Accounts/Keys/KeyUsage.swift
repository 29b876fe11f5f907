internal import Contracts
package import Primitives
internal import Synchronization

/// Which keys were used and not yet noted in the database. A key is noted once a minute at most.
package struct KeyUsage: Sendable {
  /// Keys that are remembered; more are noted with their next use.
  package static let keysMax = 16_384
  /// Seconds between two notes of a key.
  package static let interval = Duration.seconds(60)

  private var notedAt: [APIKeyID: Timestamp] = [:]
  private var waiting: [KeyUse] = []

  /// Nothing was used.
  package init() {}

  /// A key was used.
  package mutating func used(_ key: APIKeyRecord, at now: Timestamp) {
    if let noted = notedAt[key.id], now < noted + KeyUsage.interval { return }
    guard waiting.count < KeyUsage.keysMax else { return }
    if notedAt.count >= KeyUsage.keysMax { notedAt = [:] }
    notedAt[key.id] = now
    waiting.append(KeyUse(tenant: key.tenant, id: key.id, at: now))
  }

  /// What is to be written now, at most `countMax` of it.
  package mutating func take(_ countMax: Int) -> [KeyUse] {
    defer { waiting.removeFirst(min(countMax, waiting.count)) }
    return Array(waiting.prefix(countMax))
  }
}
