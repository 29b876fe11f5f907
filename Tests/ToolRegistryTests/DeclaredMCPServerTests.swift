import Contracts
import Foundation
import Settings
import Testing

@testable import ToolRegistry

@Suite struct DeclaredMCPServerTests {
  private static let servers = Setting("mcp.servers", .list(of: DeclaredMCPServer.type), default: [], "x.")

  private static func load(_ yaml: String) throws -> [DeclaredMCPServer] {
    let file = NSTemporaryDirectory() + "cadre-declared-\(UUID().uuidString).yaml"
    defer { try? FileManager.default.removeItem(atPath: file) }
    try yaml.write(toFile: file, atomically: true, encoding: .utf8)
    return try SettingsTable([servers]).load(SettingsSources(file: file))[servers]
  }

  @Test func `a declaration is a server with its values`() throws {
    let all = try Self.load(
      """
      mcp:
        servers:
          - name: web
            url: https://a.example/mcp
            headers: {Authorization: Bearer x}
          - name: files
            command: /usr/bin/mcp-files
            arguments: [--root, /data]
            environment: {TOKEN: y}
            trust: approve
            tenant: tenant_00000000000070008000000000000001
      """)
    #expect(all.map(\.server.name) == ["web", "files"])
    #expect(all[0].server.transport == .http(url: "https://a.example/mcp", headerNames: ["authorization"]))
    #expect(all[0].secrets.values == ["authorization": "Bearer x"] && all[0].server.trust == .pin)
    #expect(
      all[1].server.transport
        == .stdio(command: "/usr/bin/mcp-files", arguments: ["--root", "/data"], environmentNames: ["TOKEN"]))
    let other = try #require(TenantID("tenant_00000000000070008000000000000002"))
    #expect(all[0].belongs(to: other) && !all[1].belongs(to: other))
  }

  /// Approvals and connections go by them.
  @Test func `the id is that of the name, and the version that of the declaration`() throws {
    func one(_ url: String) throws -> RegisteredMCPServer {
      try #require(try Self.load("mcp: {servers: [{name: web, url: \(url)}]}").first).server
    }
    let (first, same, moved) = (try one("https://a/x"), try one("https://a/x"), try one("https://b/x"))
    #expect(first == same && first.id == moved.id && first.version != moved.version)
    #expect((1...Int64(Int32.max)).contains(first.version))
  }

  @Test(arguments: [
    "{name: web}", "{name: web, url: 'https://a', command: /x}", "{name: a_b, url: 'https://a'}",
    "{name: web, command: sh}", "{name: web, url: 'ftp://a'}", "{name: web, url: 'https://a', environment: {A: b}}",
    "{name: web, command: /x, headers: {a: b}}", "{name: web, url: 'https://a', headers: {host: b}}",
    "{name: web, url: 'https://a', trust: blind}", "{name: web, url: 'https://a', tenant: somebody}",
  ])
  func `a faulty declaration ends the start`(entry: String) {
    #expect(throws: (any Error).self) { try Self.load("mcp: {servers: [\(entry)]}") }
  }
}
