internal import Contracts
internal import Crypto
internal import GatewayRequests
internal import HTTP
internal import Primitives

/// Who is limited. Made once for all requests of a credential.
final class LimitedCaller: Sendable {
  /// The tenant, or what stands for it.
  let owner: HashedName
  /// The credential, with its owner: names of keys are unique within a tenant only.
  let credential: HashedName
  /// The buckets of the credential and of the owner, by the place of the class.
  private let keys: [(credential: BucketKey, owner: BucketKey)]

  /// Of a virtual key only its text is known here, and that nobody has checked it. So its address is limited as well:
  /// who makes keys up finds the limit of the address.
  init(_ identity: Identity, _ request: HTTPRequest) {
    let (owner, name, scope): (String, String, BucketKey.Scope)
    if let tenant = identity.tenant {
      (owner, name, scope) = (tenant.description, identity.credential, .tenant)
    } else {
      let key = identity.virtualKey ?? identity.credential
      name = "virtual:" + Hex.encode(Array(Digest.sha256(Array(key.utf8)).prefix(12)))
      owner = "address:\(request.clientAddress?.clientNetwork.description ?? "none")"
      scope = .address
    }
    self.owner = HashedName(owner)
    credential = HashedName(owner + "/" + name)
    keys = RouteClass.allCases.sorted { $0.place < $1.place }.map { kind in
      (
        BucketKey(.credential, owner: owner, name: name, kind: kind.rawValue),
        BucketKey(scope, owner: owner, kind: kind.rawValue)
      )
    }
  }

  /// The buckets of a request: of the credential first, which is smaller.
  func buckets(_ kind: RouteClass, tenant: RateLimit?, credential: RateLimit?) -> [LimitedBucket] {
    let own = keys[kind.place]
    return switch (credential, tenant) {
    case (let credential?, let tenant?):
      [LimitedBucket(own.credential, credential), LimitedBucket(own.owner, tenant)]
    case (let credential?, nil): [LimitedBucket(own.credential, credential)]
    case (nil, let tenant?): [LimitedBucket(own.owner, tenant)]
    case (nil, nil): []
    }
  }
}

/// Callers that were seen before.
struct LimitedCallers: Sendable {
  private struct Key: Hashable {
    let tenant: TenantID
    let credential: String

    /// By what differs most.
    func hash(into hasher: inout Hasher) { hasher.combine(credential) }
  }

  /// More are forgotten, all at once: they are made again.
  private static let countMax = 4096

  private var known: [Key: LimitedCaller] = [:]

  /// The caller of a request. Those of virtual keys are not kept: anybody can make some up.
  mutating func caller(_ identity: Identity, _ request: HTTPRequest) -> LimitedCaller {
    guard let tenant = identity.tenant else { return LimitedCaller(identity, request) }
    let key = Key(tenant: tenant, credential: identity.credential)
    if let caller = known[key] { return caller }
    if known.count >= LimitedCallers.countMax { known.removeAll(keepingCapacity: true) }
    let caller = LimitedCaller(identity, request)
    known[key] = caller
    return caller
  }
}
