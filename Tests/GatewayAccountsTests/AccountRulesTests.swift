import Contracts
import GatewayRequests
import Primitives
import Testing

@testable import GatewayAccounts

@Suite struct AccountRulesTests {
  private let other = UserID(UUID(high: 9, low: 9))
  private let program = ServiceAccountID(UUID(high: 10, low: 10))

  @Test func `nobody reaches a role above its own`() {
    let order: [Role] = [.owner, .admin, .operator, .member, .viewer]
    for (place, role) in order.enumerated() {
      let rules = AccountRules(Sample.identity(role))
      for (other, target) in order.enumerated() {
        #expect(rules.reaches(target, isOperator: false) == (place <= other), "\(role) to \(target)")
        #expect(!rules.reaches(target, isOperator: true))
      }
    }
    #expect(AccountRules(Sample.identity(.owner, [.ofTenant, .operator])).reaches(.owner, isOperator: true))
  }

  @Test func `managing needs the role and the grant`() {
    #expect(AccountRules(Sample.identity(.owner)).isManager && AccountRules(Sample.identity(.admin)).isManager)
    #expect(!AccountRules(Sample.identity(.owner, [.read, .write])).isManager)
    for role in [Role.operator, .member, .viewer] { #expect(!AccountRules(Sample.identity(role)).isManager) }
  }

  @Test func `a key that is not for administration makes no keys`() {
    #expect(AccountRules(Sample.identity(.member, [.read, .write])).canIssueSecrets)
    #expect(!AccountRules(Sample.identity(.owner, [.read, .write], kind: .apiKey)).canIssueSecrets)
    #expect(AccountRules(Sample.identity(.owner, kind: .apiKey)).canIssueSecrets)
    #expect(!AccountRules(Sample.identity(.owner, kind: .virtualKey)).canIssueSecrets)
    #expect(!AccountRules(.anonymous).canIssueSecrets)
  }

  @Test func `nobody gets a key of another person, or one that can do more`() {
    let owner = AccountRules(Sample.identity(.owner))
    #expect(owner.canRotate(Sample.key()))
    #expect(!owner.canRotate(Sample.key(of: .user(other))))
    #expect(owner.canRotate(Sample.key(of: .serviceAccount(program), role: .admin)))
    #expect(!owner.canRotate(Sample.key(isOperator: true, grants: [.read, .operator])))
    let admin = AccountRules(Sample.identity(.admin))
    #expect(!admin.canRotate(Sample.key(of: .serviceAccount(program), role: .owner)))
    #expect(!admin.canRevoke(Sample.key(of: .user(other), role: .owner)))
    #expect(admin.canRevoke(Sample.key(of: .user(other), role: .member)))
    let member = AccountRules(Sample.identity(.member, [.read, .write]))
    #expect(!member.canRotate(Sample.key(of: .serviceAccount(program), role: .member)))
    #expect(!member.canRevoke(Sample.key(of: .user(other), role: .member)))
    #expect(!member.sees(Sample.key(of: .user(other), role: .member)))
  }

  @Test func `a key can do no more than whom it stands for, whatever it was made with`() {
    let key = Sample.key(role: .viewer, grants: [.ofTenant, .operator])
    #expect(key.effectiveGrants == .read)
    #expect(Sample.key(role: .member, isOperator: true, grants: [.admin, .operator]).effectiveGrants == .operator)
    let identity = key.identity
    #expect(identity.kind == .apiKey && identity.role == .viewer && identity.subject == Sample.user.description)
    #expect(identity.caller?.scopes == .api && identity.credential == key.id.description)
  }

  @Test func `a key is good until its end, and the one before it until the end of the overlap`() throws {
    let hasher = SecretHasher(try KeyList("a:" + String(repeating: "s", count: 32), named: "keys"))
    func stored(expires: Int64?, overlap: Int64?) -> StoredKey {
      StoredKey(
        record: Sample.key(
          expiresAt: expires.map { Timestamp(unixMicroseconds: $0) },
          previousUntil: overlap.map { Timestamp(unixMicroseconds: $0) }),
        hash: hasher.hash("new"), previous: overlap.map { _ in hasher.hash("old") })
    }
    func verdict(_ text: String, _ key: StoredKey, at time: Int64) -> KeyVerdict {
      KeyVerdict(text, key, hasher, at: Timestamp(unixMicroseconds: time))
    }
    #expect(verdict("new", stored(expires: nil, overlap: nil), at: 5) == .good)
    #expect(verdict("old", stored(expires: nil, overlap: nil), at: 5) == .wrong)
    #expect(verdict("old", stored(expires: nil, overlap: 10), at: 9) == .good)
    #expect(verdict("old", stored(expires: nil, overlap: 10), at: 10) == .wrong)
    #expect(verdict("new", stored(expires: 10, overlap: nil), at: 9) == .good)
    #expect(verdict("new", stored(expires: 10, overlap: nil), at: 10) == .expired)
    // Whoever does not have the key does not learn that it has expired.
    #expect(verdict("other", stored(expires: 10, overlap: nil), at: 10) == .wrong)
    #expect(verdict("old", stored(expires: 10, overlap: 20), at: 15) == .expired)
  }

  @Test func `notices are read as they were sent, and what nobody knows puts all in doubt`() {
    let notices: [AccountNotice] = [
      .key(APIKeyID(UUID(high: 1, low: 2))), .user(other), .serviceAccount(program), .tenant(Sample.tenant), .all,
    ]
    for notice in notices { #expect(AccountNotice(payload: notice.payload) == notice) }
    #expect(AccountNotice(payload: "") == .all && AccountNotice(payload: "key_1") == .all)
  }
}
