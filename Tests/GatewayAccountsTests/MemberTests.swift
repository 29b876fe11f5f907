import Contracts
import GatewayRequests
import HTTPWire
import JSON
import PostgresTestKit
import Primitives
import SystemSources
import Testing

@testable import GatewayAccounts

extension AccountTests {
  @Suite(.serialized) struct MemberTests {
    @Test func `an invitation is accepted once, with a password or a key`() async throws {
      try await AccountsGateway.run { gateways in
        let gateway = gateways[0]
        let invited = try await gateway.send(
          .post, "/api/v1/invitations", #"{"email": "Ada@Example.com", "role": "admin"}"#)
        #expect(invited.status == 201 && invited["email"] == "ada@example.com")
        let twice = try await gateway.send(.post, "/api/v1/invitations", #"{"email": "ada@example.com"}"#)
        #expect(twice.status == 409 && twice.code == "already_member")
        let shown = try await gateway.send(.get, "/api/v1/invitations/\(invited["id"])")
        #expect(shown.status == 200 && shown["token"].isEmpty)

        let nothing = try await gateway.send(
          .post, "/api/v1/invitations/accept", #"{"token": "\#(invited["token"])"}"#, key: nil)
        #expect(nothing.status == 422)
        let body = #"{"token": "\#(invited["token"])", "name": "Ada", "password": "correct horse"}"#
        let codes = try await withThrowingTaskGroup(of: Int.self) { group in
          for _ in 0..<8 {
            group.addTask { try await gateway.send(.post, "/api/v1/invitations/accept", body, key: nil).status }
          }
          return try await group.reduce(into: [Int]()) { $0.append($1) }
        }
        #expect(codes.filter { $0 == 201 }.count == 1 && codes.filter { $0 == 403 }.count == 7, "\(codes)")

        let accounts = try await gateway.accounts.storage.users.accounts(email: "ADA@example.com", in: gateway.home)
        #expect(accounts.count == 1 && accounts[0].passwordHash == "plain:13" && accounts[0].user.role == .admin)
        #expect(accounts[0].tenantState == .active && accounts[0].sealedSecondFactor == nil)
        let users = gateway.accounts.storage.users
        let id = accounts[0].user.id
        #expect(try await !users.setPasswordHash(gateway.home, id, "x", replacing: "another"))
        #expect(try await users.setPasswordHash(gateway.home, id, "x", replacing: "plain:13"))
        #expect(try await users.setSecondFactor(gateway.home, id, [1, 2]))
        #expect(try await users.account(gateway.home, id)?.sealedSecondFactor == [1, 2])
        #expect(try await !users.setSecondFactor(TenantID(UUID.version7()), id, nil))
        #expect(try await !users.replaceSecondFactor(gateway.home, id, nil, by: [3]))
        #expect(try await !users.replaceSecondFactor(gateway.home, id, [1], by: [3]))
        #expect(try await users.replaceSecondFactor(gateway.home, id, [1, 2], by: [3]))
        #expect(try await users.setSecondFactor(gateway.home, id, nil))
        #expect(try await users.replaceSecondFactor(gateway.home, id, nil, by: [4]))
        #expect(try await users.account(gateway.home, id)?.sealedSecondFactor == [4])
      }
    }

    private struct Rules: SessionDeciding {
      func decide(_ question: SessionQuestion) async -> SessionDecision {
        guard question.step == .signIn, question.method == "invitation", !question.hasSecondFactor else {
          return .denied("another question")
        }
        return switch question.role {
        case .owner: .needsSecondFactor
        case .admin: .denied("the tenant does not allow this way to sign in")
        case .viewer: .undecided
        default: .allowed
        }
      }
    }

    /// A key is as good as a session, so what is asked of sessions is asked of it.
    @Test(arguments: [(Role.owner, 403), (.admin, 403), (.viewer, 503), (.member, 201)])
    func `policies about signing in hold for the key of an invitation`(_ role: Role, _ status: Int) async throws {
      try await AccountsGateway.run(sessions: Rules()) { gateways in
        let gateway = gateways[0]
        let invited = try await gateway.send(
          .post, "/api/v1/invitations",
          #"{"email": "k\#(UUID.random())@example.com", "role": "\#(role.rawValue)"}"#)
        let token = invited["token"]
        func accept(_ with: String) async throws -> AccountsGateway.Answer {
          try await gateway.send(.post, "/api/v1/invitations/accept", #"{"token": "\#(token)", \#(with)}"#, key: nil)
        }
        for with in [#""key": {"name": "k"}, "password": "correct horse""#, #""key": {"name": "k"}"#] {
          let answer = try await accept(with)
          #expect(answer.status == status, "\(answer.text)")
          guard answer.status == 403 else { return }
          #expect(answer.code == "access_denied" && answer["key"].isEmpty)
        }
        // The refusal has not used it up.
        #expect(try await accept(#""password": "correct horse""#).status == 201)
      }
    }

    /// Whoever is removed could else come back as whom it has invited.
    @Test func `an invitation ends with the right to make it`() async throws {
      try await AccountsGateway.run { gateways in
        let gateway = gateways[0]
        func invite(_ role: String, key: String) async throws -> (id: String, token: String) {
          let answer = try await gateway.send(
            .post, "/api/v1/invitations", #"{"email": "i\#(UUID.random())@example.com", "role": "\#(role)"}"#, key: key)
          try #require(answer.status == 201, "\(answer.text)")
          return (answer["id"], answer["token"])
        }
        func status(_ token: String) async throws -> Int {
          let body = #"{"token": "\#(token)", "password": "correct horse"}"#
          return try await gateway.send(.post, "/api/v1/invitations/accept", body, key: nil).status
        }
        func change(_ method: HTTPMethod, _ path: String, _ body: String? = nil) async throws {
          let answer = try await gateway.send(method, path, body)
          try #require(answer.status == 200 || answer.status == 204, "\(answer.text)")
        }
        let removed = try await gateway.user(.admin)
        let lost = try await invite("admin", key: removed.key)
        try await change(.delete, "/api/v1/users/\(removed.id)")
        #expect(try await gateway.send(.get, "/api/v1/invitations/\(lost.id)").status == 404)
        #expect(try await status(lost.token) == 403)

        _ = try await gateway.user(.owner)
        let lowered = try await gateway.user(.owner)
        let (asOwner, asAdmin) = (
          try await invite("owner", key: lowered.key), try await invite("admin", key: lowered.key)
        )
        let asMember = try await invite("member", key: lowered.key)
        try await change(.patch, "/api/v1/users/\(lowered.id)", #"{"role": "admin"}"#)
        #expect(try await status(asOwner.token) == 403)
        #expect(try await status(asAdmin.token) == 201)
        try await change(.patch, "/api/v1/users/\(lowered.id)", #"{"role": "member"}"#)
        #expect(try await status(asMember.token) == 403)

        let account = try await gateway.send(.post, "/api/v1/service-accounts", #"{"name": "hr", "role": "admin"}"#)
        let grants = #"["read", "write", "models", "approve", "admin"]"#
        let key = try await gateway.send(
          .post, "/api/v1/keys",
          #"{"name": "hr", "service_account_id": "\#(account["id"])", "grants": \#(grants)}"#)
        try #require(key.status == 201, "\(key.text)")
        let byProgram = try await invite("member", key: key["key"])
        try await change(.delete, "/api/v1/service-accounts/\(account["id"])")
        #expect(try await status(byProgram.token) == 403)
      }
    }

    @Test func `many at once leave one owner`() async throws {
      try await AccountsGateway.run(2) { gateways in
        let tenant = try await gateways[0].send(.post, "/operator/v1/tenants", #"{"name": "Owners"}"#)
        let id = try #require(TenantID(tenant["id"]))
        var owners: [(id: String, key: String)] = []
        for _ in 0..<4 {
          let owner = try await gateways[0].user(.owner, in: id)
          owners.append((owner.id, owner.key))
        }
        let all = owners
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
          for (number, owner) in all.enumerated() {
            group.addTask {
              let gateway = gateways[number % 2]
              if number < 2 {
                return try await gateway.send(.delete, "/api/v1/users/\(owner.id)", key: owner.key).status
              }
              return try await gateway.send(
                .patch, "/api/v1/users/\(owner.id)", #"{"role": "member"}"#, key: owner.key
              ).status
            }
          }
          return try await group.reduce(into: [Int]()) { $0.append($1) }
        }
        #expect(statuses.filter { $0 == 409 }.count == 1, "\(statuses)")
        let left = try AccountsDatabase.shared.get().query(
          "select count(*) from user_account where tenant_id = '\(id.uuid)' and role = 'owner'")
        #expect(left == "1")
      }
    }

    @Test func `nobody raises itself or others above itself`() async throws {
      try await AccountsGateway.run { gateways in
        let gateway = gateways[0]
        let owner = try await gateway.user(.owner)
        let admin = try await gateway.user(.admin)
        let member = try await gateway.user(.member)
        func code(_ method: HTTPMethod, _ path: String, _ body: String? = nil, key: String) async throws -> String {
          let answer = try await gateway.send(method, path, body, key: key)
          return "\(answer.status) \(answer.code)"
        }
        let role = #"{"role": "owner"}"#
        #expect(try await code(.patch, "/api/v1/users/\(admin.id)", role, key: admin.key) == "403 beyond_own_rights")
        #expect(try await code(.patch, "/api/v1/users/\(member.id)", role, key: member.key) == "403 role_required")
        #expect(
          try await code(.patch, "/api/v1/users/\(owner.id)", #"{"role": "viewer"}"#, key: admin.key)
            == "403 beyond_own_rights")
        #expect(try await code(.delete, "/api/v1/users/\(owner.id)", key: admin.key) == "403 beyond_own_rights")
        #expect(try await code(.get, "/api/v1/users", key: member.key) == "403 role_required")
        #expect(try await code(.get, "/api/v1/users/\(member.id)", key: member.key).hasPrefix("200"))
        #expect(
          try await code(.patch, "/api/v1/users/\(owner.id)", #"{"is_operator": true}"#, key: owner.key)
            == "403 beyond_own_rights")
        let invitation = #"{"email": "x@example.com", "role": "owner"}"#
        #expect(try await code(.post, "/api/v1/invitations", invitation, key: admin.key) == "403 beyond_own_rights")
        let account = #"{"name": "root", "role": "owner"}"#
        #expect(try await code(.post, "/api/v1/service-accounts", account, key: admin.key) == "403 beyond_own_rights")
        #expect(
          try await code(.post, "/api/v1/keys", #"{"name": "k", "grants": ["operator"]}"#, key: owner.key)
            == "403 beyond_own_rights")
        for path in ["/operator/v1/tenants", "/operator/v1/tenants/\(gateway.home)"] {
          #expect(try await code(.get, path, key: owner.key) == "403 operator_required")
        }
        let narrow = try await gateway.send(
          .post, "/api/v1/keys", #"{"name": "k", "grants": ["read", "admin"]}"#, key: owner.key)
        #expect(narrow.status == 201)
        #expect(
          try await code(.post, "/api/v1/keys", #"{"name": "k", "grants": ["write"]}"#, key: narrow["key"])
            == "403 beyond_own_rights")
        #expect(
          try await code(.post, "/api/v1/keys/\(owner.keyID)/rotate", key: narrow["key"]) == "403 beyond_own_rights")
      }
    }

    @Test func `what another tenant has is not there`() async throws {
      try await AccountsGateway.run { gateways in
        let gateway = gateways[0]
        let tenant = try await gateway.send(.post, "/operator/v1/tenants", #"{"name": "Other"}"#)
        let stranger = try await gateway.user(.owner, in: TenantID(tenant["id"]))
        let user = try await gateway.user(.member)
        let account = try await gateway.send(.post, "/api/v1/service-accounts", #"{"name": "mine"}"#)
        let invitation = try await gateway.send(.post, "/api/v1/invitations", #"{"email": "i@example.com"}"#)
        let cases: [(HTTPMethod, String, String?)] = [
          (.get, "/api/v1/users/\(user.id)", nil), (.patch, "/api/v1/users/\(user.id)", #"{"name": "x"}"#),
          (.delete, "/api/v1/users/\(user.id)", nil), (.get, "/api/v1/keys/\(user.keyID)", nil),
          (.post, "/api/v1/keys/\(user.keyID)/rotate", nil), (.delete, "/api/v1/keys/\(user.keyID)", nil),
          (.get, "/api/v1/service-accounts/\(account["id"])", nil),
          (.patch, "/api/v1/service-accounts/\(account["id"])", #"{"name": "x"}"#),
          (.delete, "/api/v1/service-accounts/\(account["id"])", nil),
          (.get, "/api/v1/invitations/\(invitation["id"])", nil),
          (.delete, "/api/v1/invitations/\(invitation["id"])", nil),
          (.post, "/api/v1/keys", #"{"name": "k", "service_account_id": "\#(account["id"])"}"#),
        ]
        for (method, path, body) in cases {
          let answer = try await gateway.send(method, path, body, key: stranger.key)
          #expect(answer.status == 404, "\(method.name) \(path): \(answer.text)")
          let own = try await gateway.send(method, path, body)
          #expect(own.status != 404 || method == .delete, "\(method.name) \(path): \(own.text)")
          if method == .delete { #expect(own.status == 204, "\(method.name) \(path): \(own.text)") }
          if method == .delete, path.contains("users") { break }
        }
        let keys = try await gateway.send(.get, "/api/v1/keys", key: stranger.key)
        #expect(keys.root?["keys"]?.count == 1)
      }
    }
  }
}
