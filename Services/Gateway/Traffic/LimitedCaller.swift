internal import Contracts
internal import Crypto
internal import GatewayRequests
internal import HTTP
internal import Primitives

/// Who is limited.
struct LimitedCaller: Sendable {
  /// The tenant, or what stands for it.
  let owner: String
  /// The credential, with its owner: names of keys are unique within a tenant only.
  let credential: String
  private let name: String
  private let ownerScope: BucketKey.Scope

  /// Of a virtual key only its text is known here, and that nobody has checked it. So its address is limited as well:
  /// who makes keys up finds the limit of the address.
  init(_ identity: Identity, _ request: HTTPRequest) {
    if let tenant = identity.tenant {
      owner = tenant.description
      name = identity.credential
      ownerScope = .tenant
    } else {
      let key = identity.virtualKey ?? identity.credential
      name = "virtual:" + Hex.encode(Array(Digest.sha256(Array(key.utf8)).prefix(12)))
      owner = "address:\(request.clientAddress?.clientNetwork.description ?? "none")"
      ownerScope = .address
    }
    credential = owner + "/" + name
  }

  /// The buckets of a request: of the credential first, which is smaller.
  func buckets(_ kind: RouteClass, tenant: RateLimit?, credential: RateLimit?) -> [LimitedBucket] {
    var buckets: [LimitedBucket] = []
    if let credential {
      buckets.append(LimitedBucket(BucketKey(.credential, owner: owner, name: name, kind: kind.rawValue), credential))
    }
    if let tenant { buckets.append(LimitedBucket(BucketKey(ownerScope, owner: owner, kind: kind.rawValue), tenant)) }
    return buckets
  }
}
