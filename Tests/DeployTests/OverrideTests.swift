import Foundation
import Testing

/// Files on top of the production stack, several together and in any order.
@Suite struct OverrideTests {
  private static let names = ["redis-tls", "postgres-tls", "pgbouncer", "opa"]

  /// What a file says of services: values by `service.key`, anchors resolved. Lists are left out, which compose adds.
  private func said(_ name: String) throws -> [String: String] {
    let path = Script.root.appendingPathComponent("deploy/docker-compose.\(name).yml")
    let text = try String(contentsOf: path, encoding: .utf8)
    let rest = text.components(separatedBy: "\nservices:\n").last ?? ""
    let services = rest.components(separatedBy: "\nsecrets:\n")[0]
    var found: [String: String] = [:]
    var anchors: [String: String] = [:]
    var service = ""
    var aliases: [(service: String, anchor: String)] = []
    for line in services.split(separator: "\n") where !line.hasPrefix("#") {
      let parts = line.split(separator: ":", maxSplits: 1)
      let key = (parts.first ?? "").trimmingCharacters(in: .whitespaces)
      let value = parts.count > 1 ? parts[1].trimmingCharacters(in: .whitespaces) : ""
      let indentation = line.prefix { $0 == " " }.count
      switch indentation {
      case 2:
        service = key
        if value.hasPrefix("&") { anchors[String(value.dropFirst())] = service }
        if value.hasPrefix("*") { aliases.append((service, String(value.dropFirst()))) }
      case 4 where !value.isEmpty && !["volumes", "secrets", "depends_on", "networks"].contains(key):
        found["\(service).\(key)"] = value
      case 6 where key == key.uppercased(): found["\(service).\(key)"] = value
      default: break
      }
    }
    for (service, anchor) in aliases {
      let model = try #require(anchors[anchor], "\(anchor) in \(name)")
      for (key, value) in found where key.hasPrefix(model + ".") {
        found[service + key.dropFirst(model.count)] = value
      }
    }
    #expect(!found.isEmpty, "\(name)")
    return found
  }

  private func files(_ overrides: [String]) throws -> String {
    try Script.run(
      "bash", "-c", "source deploy/lib.sh && echo \"${compose_files[@]##*/}\"",
      environment: [
        "CADRE_COMPOSE_OVERRIDE": overrides.map { "deploy/docker-compose.\($0).yml" }.joined(separator: ":")
      ]
    ).text
  }

  @Test func `two files never say different things, but where a third one says what holds for both`() throws {
    let resolved = try said("pgbouncer-tls")
    for (place, first) in Self.names.enumerated() {
      for second in Self.names[(place + 1)...] {
        let (one, other) = (try said(first), try said(second))
        let differing = one.keys.filter { other[$0] != nil && other[$0] != one[$0] }
        if Set([first, second]) == ["pgbouncer", "postgres-tls"] {
          #expect(!differing.isEmpty && differing.allSatisfy { resolved[$0] != nil }, "\(differing)")
          // The direct connections of only one of them would go to Postgres without TLS.
          let plain = one.merging(other) { $1 }.merging(resolved) { $1 }.filter { $0.value.hasSuffix("/postgres_url") }
          #expect(plain.isEmpty, "\(plain)")
        } else {
          #expect(differing.isEmpty, "\(first) and \(second) say different things of \(differing)")
        }
      }
    }
  }

  @Test func `PgBouncer and TLS to Postgres together bring that third file, on top`() throws {
    let third = "docker-compose.pgbouncer-tls.yml"
    for both in [["pgbouncer", "postgres-tls"], ["postgres-tls", "opa", "pgbouncer"]] {
      #expect(try files(both).hasSuffix(" \(third)\n"))
    }
    for alone in [["pgbouncer"], ["postgres-tls"], ["pgbouncer", "redis-tls", "opa"]] {
      #expect(try !files(alone).contains(third))
    }
    let named = try files(["pgbouncer", "postgres-tls", "pgbouncer-tls"])
    #expect(named.components(separatedBy: third).count == 2, "\(named)")
  }

  @Test func `with TLS PgBouncer has all settings that it has without`() throws {
    func settings(_ name: String) throws -> Set<Substring> {
      let path = Script.root.appendingPathComponent("deploy/pgbouncer/\(name)")
      return Set(
        try String(contentsOf: path, encoding: .utf8).split(separator: "\n").filter { !$0.hasPrefix(";") })
    }
    let (plain, secured) = (try settings("pgbouncer.ini"), try settings("pgbouncer-tls.ini"))
    #expect(plain.isSubset(of: secured) && secured.subtracting(plain).allSatisfy { $0.contains("_tls_") })
    #expect(secured.isSuperset(of: ["client_tls_sslmode = require", "server_tls_sslmode = verify-full"]))
  }
}
