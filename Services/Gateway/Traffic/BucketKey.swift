/// Whose requests a bucket counts.
package struct BucketKey: Sendable, Hashable {
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

  /// Names a bucket.
  package init(_ scope: Scope, owner: String, name: String = "", kind: String) {
    self.scope = scope
    self.owner = owner
    self.name = name
    self.kind = kind
  }

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
