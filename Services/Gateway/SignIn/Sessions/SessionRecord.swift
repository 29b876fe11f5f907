internal import Contracts
internal import Crypto
internal import GatewayAccounts
internal import GatewayRequests
internal import JSON
internal import Primitives

/// A session as it is stored.
struct SessionRecord: Sendable, Equatable {
  /// How far the sign-in is.
  enum State: String, Sendable {
    /// Signed in.
    case full
    /// The second factor is asked for; good for nothing else.
    case secondFactor = "second_factor"
    /// A second factor has to be added; good for nothing else.
    case enrolment
  }

  /// The name by which its owner ends it; gives no rights.
  let id: SessionID
  let state: State
  /// `password`, or `oidc:NAME`.
  let method: String
  /// Names the password it was begun with, so that it ends with the password; empty for none.
  let passwordMark: String
  /// What the browser calls itself.
  let agent: String
  /// Where it was begun, where that is known.
  let address: String
  let idleMilliseconds: Int64
  let lifetimeMilliseconds: Int64
  /// By the clock of Redis, in milliseconds of Unix time.
  var createdAt: Int64 = 0
  var seenAt: Int64 = 0

  /// When it ends, used or not.
  var endsAt: Int64 { createdAt &+ lifetimeMilliseconds }

  /// The mark of a stored hash.
  static func mark(of passwordHash: String?) -> String {
    passwordHash.map { Hex.encode(Digest.sha256(Array($0.utf8)).prefix(8)) } ?? ""
  }

  /// The stored form. Redis adds when it was made.
  func encoded() -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("id", "\(id)")
    writer.member("state", state.rawValue)
    writer.member("method", method)
    writer.member("mark", passwordMark)
    writer.member("agent", agent)
    writer.member("address", address)
    writer.member("idle", idleMilliseconds)
    writer.member("life", lifetimeMilliseconds)
    writer.endObject()
    return writer.bytes
  }

  /// Reads the stored form; `nil` for anything else.
  init?(_ bytes: [UInt8], seenAt: Int64) {
    guard
      let root = try? JSONDocument(parsing: bytes, limits: JSONLimits(depthMax: 2, bytesMax: 4096, nodesMax: 64)).root,
      let id = root["id"]?.string.flatMap({ SessionID($0) }),
      let state = root["state"]?.string.flatMap(State.init(rawValue:)), let method = root["method"]?.string,
      let mark = root["mark"]?.string, let agent = root["agent"]?.string, let address = root["address"]?.string,
      let idle = root["idle"]?.whole(in: 0...Int64.max), let life = root["life"]?.whole(in: 0...Int64.max),
      let created = root["created"]?.whole(in: 0...Int64.max)
    else { return nil }
    self.init(
      id: id, state: state, method: method, passwordMark: mark, agent: agent, address: address,
      idleMilliseconds: idle, lifetimeMilliseconds: life)
    createdAt = created
    self.seenAt = seenAt
  }

  init(
    id: SessionID, state: State, method: String, passwordMark: String, agent: String, address: String,
    idleMilliseconds: Int64, lifetimeMilliseconds: Int64
  ) {
    self.id = id
    self.state = state
    self.method = method
    self.passwordMark = passwordMark
    self.agent = agent
    self.address = address
    self.idleMilliseconds = idleMilliseconds
    self.lifetimeMilliseconds = lifetimeMilliseconds
  }
}

extension SessionRecord {
  /// A method as policies and metrics know it: the names of providers are not in it.
  static func label(of method: String) -> String { method == "password" ? method : "oidc" }
}

extension SessionRecord.State {
  /// What has become of a sign-in that is so far.
  var outcome: SignInOutcome {
    switch self {
    case .full: .success
    case .secondFactor: .secondFactor
    case .enrolment: .enrolment
    }
  }
}

extension Account {
  /// Whether its user has a second factor.
  var hasSecondFactor: Bool { sealedSecondFactor != nil }
}

extension SessionQuestion {
  /// A question about an account.
  init(_ step: Step, by method: String, _ account: Account, hasSecondFactor: Bool) {
    self.init(
      step, method: SessionRecord.label(of: method), hasSecondFactor: hasSecondFactor, user: account.user.id,
      role: account.user.role, tenant: account.user.tenant)
  }
}
