/// Whose requests a bucket counts. It goes from hand to hand with each request: one reference.
package final class BucketKey: Sendable, Hashable {
  /// What shares a bucket.
  package enum Scope: String, Sendable {
    /// All of a tenant.
    case tenant
    /// One credential.
    case credential
    /// One client address.
    case address
  }

  package let scope: Scope
  /// Who keeps it together in a cluster: the tenant, or what stands for it.
  let owner: String
  /// The credential, or nothing.
  let name: String
  /// The class of the route, or what else is counted.
  let kind: String
  /// Made once: a bucket is looked for with each request.
  private let hashed: Int

  /// Names a bucket.
  package init(_ scope: Scope, owner: String, name: String = "", kind: String) {
    self.scope = scope
    self.owner = owner
    self.name = name
    self.kind = kind
    var hasher = Hasher()
    hasher.combine(scope)
    hasher.combine(owner)
    hasher.combine(name)
    hasher.combine(kind)
    hashed = hasher.finalize()
  }

  /// Keys with the same parts are the same.
  package static func == (one: BucketKey, other: BucketKey) -> Bool {
    one === other
      || one.scope == other.scope && one.owner == other.owner && one.name == other.name && one.kind == other.kind
  }

  /// Hashes all parts.
  package func hash(into hasher: inout Hasher) { hasher.combine(hashed) }

  /// The key in Redis: what one request needs stands in one slot of a cluster.
  var redisKey: String { "gateway:rate:{\(owner)}:\(scope.rawValue):\(name):\(kind)" }
}

/// A bucket and its limit.
package struct LimitedBucket: Sendable, Hashable {
  package let key: BucketKey
  package let limit: RateLimit

  /// Makes a pair.
  package init(_ key: BucketKey, _ limit: RateLimit) {
    self.key = key
    self.limit = limit
  }
}
