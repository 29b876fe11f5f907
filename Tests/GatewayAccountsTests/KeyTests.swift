import Contracts
import GatewayRequests
import HTTPWire
import JSON
import PostgresTestKit
import Primitives
import Testing

@testable import GatewayAccounts

extension AccountTests {
  @Suite(.serialized) struct KeyTests {
    @Test func `a key is shown once, used, rotated with overlap and revoked`() async throws {
      try await AccountsGateway.run { gateways in
        let gateway = gateways[0]
        let (user, key, id) = try await gateway.user(.member)
        let me = try await gateway.send(.get, "/api/v1/me", key: key)
        #expect(me.status == 200 && me["subject"] == user && me["kind"] == "api_key" && me["role"] == "member")
        #expect(me["credential"] == id && me["tenant_id"] == gateway.home.description)

        let shown = try await gateway.send(.get, "/api/v1/keys/\(id)", key: key)
        #expect(shown.status == 200 && !shown.text.contains(key) && shown["key"].isEmpty)
        #expect(try AccountsDatabase.shared.get().query("select count(*) from api_key where hash = '\(key)'") == "0")

        // Users make keys with sessions; with a key, only with one for administration.
        let refused = try await gateway.send(.post, "/api/v1/keys/\(id)/rotate", key: key)
        #expect(refused.status == 403 && refused.code == "beyond_own_rights")

        let account = try await gateway.send(.post, "/api/v1/service-accounts", #"{"name": "ci", "role": "member"}"#)
        #expect(account.status == 201)
        let made = try await gateway.send(
          .post, "/api/v1/keys", #"{"name": "k", "service_account_id": "\#(account["id"])", "grants": ["read"]}"#)
        #expect(made.status == 201 && made["key"].hasPrefix("cadre_") && made.headers["cache-control"] == "no-store")
        let first = made["key"]
        #expect(try await gateway.send(.get, "/api/v1/me", key: first).text.contains(#""grants":["read"]"#))

        let rotated = try await gateway.send(.post, "/api/v1/keys/\(made["id"])/rotate", #"{"overlap_seconds": 600}"#)
        #expect(rotated.status == 200 && rotated["id"] == made["id"] && !rotated["previous_until"].isEmpty)
        let second = rotated["key"]
        #expect(second != first)
        #expect(try await gateway.send(.get, "/api/v1/me", key: second).status == 200)
        #expect(try await gateway.send(.get, "/api/v1/me", key: first).status == 200)

        let again = try await gateway.send(.post, "/api/v1/keys/\(made["id"])/rotate", #"{"overlap_seconds": 0}"#)
        #expect(try await gateway.send(.get, "/api/v1/me", key: again["key"]).status == 200)
        try await gateway.eventually("both old keys end") {
          let one = try await gateway.send(.get, "/api/v1/me", key: first).status
          return try await gateway.send(.get, "/api/v1/me", key: second).status == 401 && one == 401
        }

        let outdated = try await gateway.send(
          .delete, "/api/v1/keys/\(made["id"])", headers: [("if-match", "\"1\"")])
        #expect(outdated.status == 412)
        #expect(try await gateway.send(.delete, "/api/v1/keys/\(made["id"])").status == 204)
        try await gateway.eventually("the key ends") {
          try await gateway.send(.get, "/api/v1/me", key: again["key"]).status == 401
        }
        #expect(try await gateway.send(.get, "/api/v1/keys/\(made["id"])").status == 404)
      }
    }

    @Test func `another gateway hears of a revocation, a role and a suspension`() async throws {
      try await AccountsGateway.run(2) { gateways in
        let (one, two) = (gateways[0], gateways[1])
        let tenant = try await one.send(.post, "/operator/v1/tenants", #"{"name": "Other"}"#)
        #expect(tenant.status == 201)
        let id = try #require(TenantID(tenant["id"]))
        let (_, ownerKey, _) = try await one.user(.owner, in: id)
        let (member, memberKey, memberKeyID) = try await one.user(.admin, in: id)
        for key in [ownerKey, memberKey] { #expect(try await two.send(.get, "/api/v1/me", key: key).status == 200) }

        let demoted = try await one.send(.patch, "/api/v1/users/\(member)", #"{"role": "viewer"}"#, key: ownerKey)
        #expect(demoted.status == 200)
        try await two.eventually("the role is heard of") {
          try await two.send(.get, "/api/v1/me", key: memberKey)["role"] == "viewer"
        }
        #expect(try await one.send(.delete, "/api/v1/keys/\(memberKeyID)", key: ownerKey).status == 204)
        try await two.eventually("the revocation is heard of") {
          try await two.send(.get, "/api/v1/me", key: memberKey).status == 401
        }

        let suspended = try await one.send(.post, "/operator/v1/tenants/\(id)/suspend")
        #expect(suspended.status == 200 && suspended["state"] == "suspended")
        try await two.eventually("the suspension is heard of") {
          let answer = try await two.send(.get, "/api/v1/me", key: ownerKey)
          return answer.status == 403 && answer.code == "tenant_not_active"
        }
        #expect(try await one.send(.post, "/operator/v1/tenants/\(id)/resume").status == 200)
        try await two.eventually("that it is resumed is heard of") {
          try await two.send(.get, "/api/v1/me", key: ownerKey).status == 200
        }
      }
    }

    @Test func `a key that is rotated by many at once has one secret, and one before it`() async throws {
      try await AccountsGateway.run(2) { gateways in
        let account = try await gateways[0].send(.post, "/api/v1/service-accounts", #"{"name": "busy"}"#)
        let made = try await gateways[0].send(
          .post, "/api/v1/keys", #"{"name": "k", "service_account_id": "\#(account["id"])"}"#)
        let texts = try await withThrowingTaskGroup(of: String.self) { group in
          for number in 0..<12 {
            group.addTask {
              try await gateways[number % 2].send(
                .post, "/api/v1/keys/\(made["id"])/rotate", #"{"overlap_seconds": 600}"#)["key"]
            }
          }
          return try await group.reduce(into: [String]()) { $0.append($1) }
        }
        #expect(Set(texts).count == 12)
        for gateway in gateways {
          try await gateway.eventually("two of them are good") {
            var good = 0
            for text in texts + [made["key"]] {
              if try await gateway.send(.get, "/api/v1/me", key: text).status == 200 { good += 1 }
            }
            return good == 2
          }
        }
      }
    }

    @Test func `uses are noted, an expiry is kept, and lists have pages`() async throws {
      try await AccountsGateway.run { gateways in
        let gateway = gateways[0]
        let account = try await gateway.send(.post, "/api/v1/service-accounts", #"{"name": "pages"}"#)
        var ids: [String] = []
        for number in 0..<5 {
          let made = try await gateway.send(
            .post, "/api/v1/keys", #"{"name": "k\#(number)", "service_account_id": "\#(account["id"])"}"#)
          ids.append(made["id"])
          if number == 0 {
            #expect(try await gateway.send(.get, "/api/v1/me", key: made["key"]).status == 200)
            await gateway.accounts.directory.writeUses()
            #expect(try await !gateway.send(.get, "/api/v1/keys/\(made["id"])")["last_used_at"].isEmpty)
          }
        }
        var seen: [String] = []
        var cursor = ""
        repeat {
          let page = try await gateway.send(
            .get, "/api/v1/keys?limit=2&subject=\(account["id"])" + (cursor.isEmpty ? "" : "&cursor=\(cursor)"))
          seen += page.root?["keys"]?.elements.compactMap { $0["id"]?.string } ?? []
          cursor = page["next_cursor"]
        } while !cursor.isEmpty
        #expect(seen == ids.reversed())

        let ended = ids[4]
        _ = try AccountsDatabase.shared.get().query(
          "update api_key set expires_at = now() - interval '1 second' where id = '\(APIKeyID(ended)?.uuid ?? .last)'")
        let listed = try await gateway.send(.get, "/api/v1/keys/\(ended)")
        #expect(!listed["expires_at"].isEmpty)
      }
    }
  }
}
