package import Contracts
internal import Crypto
package import Dialects
package import JSON
internal import Primitives

/// The name of an answer in the cache: the same for requests that mean the same, different for each tenant.
package struct CacheKey: Sendable, Hashable {
  /// Members that do not change an answer.
  private static let idle: Set<String> = [
    "user", "metadata", "store", "service_tier", "prompt_cache_key", "safety_identifier",
  ]

  let text: String

  /// SHA-256 over the dialect and the canonical request (keys in order, no white space). The tenant stands in the name
  /// itself, so that no answer can cross to another one, and not as a hash tag: the answers of one tenant spread
  /// over the nodes of a cluster. How the answer is to come (`stream`) is part of it: streams are kept as streams.
  package init(_ dialect: Dialect, _ request: JSONView, tenant: TenantID) {
    let bytes = Array(dialect.rawValue.utf8) + [0] + request.canonicalBytes(omitting: CacheKey.idle)
    text = "cache:\(tenant.description):\(Hex.encode(Digest.sha256(bytes)))"
  }
}
