internal import Contracts
internal import Crypto
internal import Primitives
internal import SystemSources

/// What the cookie of a session holds: whose it is, and 32 random bytes. Redis has only its digest.
struct SessionToken: Sendable, Equatable {
  private static let secretBytes = 32
  private static let bytes = 64
  private static let purpose = Array("cadre csrf v1".utf8)

  let owner: SessionOwner
  private let secret: [UInt8]

  /// A fresh token.
  init(for owner: SessionOwner) {
    self.owner = owner
    secret = SystemRandom.bytes(SessionToken.secretBytes)
  }

  /// Reads the value of a cookie; `nil` for anything else.
  init?(_ text: String) {
    guard text.utf8.count == 86, let bytes = Base64.decode(unpadded: Array(text.utf8)[...], .url),
      bytes.count == SessionToken.bytes, let tenant = UUID(bytes: bytes[..<16]), let user = UUID(bytes: bytes[16..<32])
    else { return nil }
    owner = SessionOwner(tenant: TenantID(tenant), user: UserID(user))
    secret = Array(bytes[32...])
  }

  /// The value of the cookie.
  var text: String { Base64.encode(owner.tenant.uuid.bytes + owner.user.uuid.bytes + secret, .url, pads: false) }

  /// Under what it is stored.
  var digest: String { Hex.encode(Digest.sha256(owner.tenant.uuid.bytes + owner.user.uuid.bytes + secret)) }

  /// What a change has to show beside the cookie: it can be computed of the cookie alone, and not the other way round.
  var csrfToken: String {
    Base64.encode(Digest.hmacSHA256(SessionToken.purpose, key: secret), .url, pads: false)
  }
}

/// Whose a session is.
struct SessionOwner: Hashable, Sendable {
  let tenant: TenantID
  let user: UserID

  /// The part of keys in Redis that keeps all of one user in one slot.
  var tag: String { "{\(tenant):\(user)}" }
}
