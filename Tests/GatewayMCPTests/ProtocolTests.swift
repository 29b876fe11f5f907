import HTTP
import HTTPWire
import JSON
import MCP
import Testing

/// What both eras have in common, and where they differ.
@Suite struct ProtocolTests {
  @Test func `a client of 2026-07-28 discovers the server and lists its tools`() async throws {
    try await MCPFixture.run { gateway in
      let found = try await gateway.modern("server/discover")
      #expect(found.status == 200)
      let result = try #require(try found.root()["result"])
      let handshake = try MCPHandshake(discovery: result)
      #expect(handshake.revisions == ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"])
      #expect(handshake.capabilities.tools && handshake.capabilities.resources && !handshake.capabilities.prompts)
      #expect(handshake.server == MCPImplementation(name: "cadre", version: "1.2.3"))
      #expect(result["resultType"]?.string == "complete" && result["ttlMs"]?.int == 300_000)

      let listed = try #require(try await gateway.modern("tools/list").root()["result"])
      let page = try MCPListPage<MCPTool>(tools: listed)
      #expect(page.faults.isEmpty && page.nextCursor == nil && page.entries.count >= 10)
      #expect(listed["cacheScope"]?.string == "private" && listed["resultType"]?.string == "complete")
      #expect(listed["_meta"]?["io.modelcontextprotocol/serverInfo"]?["name"]?.string == "cadre")
      // The same for every caller and every time.
      #expect(try await gateway.modern("tools/list").text == gateway.modern("tools/list").text)
      let reader = try #require(page.entries.first { $0.name == "get_run" })
      #expect(reader.annotations.readOnly == true && reader.outputSchema != nil)
      #expect(page.entries.first { $0.name == "cancel_run" }?.annotations.destructive == true)
    }
  }

  @Test(arguments: ["2025-11-25", "2025-06-18", "2025-03-26"])
  func `a client with sessions is served without one`(version: String) async throws {
    try await MCPFixture.run { gateway in
      let params = #"{"protocolVersion":"\#(version)","capabilities":{},"clientInfo":{"name":"t","version":"1"}}"#
      let opened = try await gateway.legacy("initialize", params, version: nil)
      #expect(opened.status == 200 && opened.headers[MCPHeader.session] == nil)
      let handshake = try MCPHandshake(initialization: try #require(try opened.root()["result"]))
      #expect(handshake.revisions == [version] && handshake.server?.name == "cadre")
      let done = try await gateway.post(
        Array(#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.utf8), [("mcp-protocol-version", version)])
      #expect(done.status == 202 && done.text.isEmpty)
      let pong = try await gateway.legacy("ping", version: version)
      #expect(pong.text == #"{"jsonrpc":"2.0","id":1,"result":{}}"#)
      let listed = try #require(try await gateway.legacy("tools/list", version: version).root()["result"])
      #expect(listed["resultType"] == nil && listed["tools"]?.count ?? 0 >= 10)
      // A 404 would say that the session is lost.
      let unknown = try await gateway.legacy("prompts/list", version: version)
      let failure = try unknown.root()["error"]
      #expect(unknown.status == 200 && failure?["code"]?.int == MCPErrorCode.methodNotFound)
    }
  }

  @Test func `an older or unknown revision in the handshake gets the newest with sessions`() async throws {
    try await MCPFixture.run { gateway in
      for asked in [#""2024-11-05""#, #""2026-07-28""#, #""1999-01-01""#, "7"] {
        let opened = try await gateway.legacy("initialize", #"{"protocolVersion":\#(asked)}"#, version: nil)
        #expect(try opened.root()["result"]?["protocolVersion"]?.string == "2025-11-25")
      }
    }
  }

  @Test func `a batch is answered in the revision that has batches, and in no other`() async throws {
    try await MCPFixture.run { gateway in
      let batch = Array(
        #"""
        [{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"notifications/initialized"},
         {"jsonrpc":"2.0","id":"b","method":"nothing/known"}]
        """#.utf8)
      let answer = try await gateway.post(batch)
      let root = try answer.root()
      #expect(answer.status == 200 && root.count == 2)
      #expect(root[0]?["id"]?.int == 1 && root[1]?["error"]?["code"]?.int == MCPErrorCode.methodNotFound)
      let silent = try await gateway.post(Array(#"[{"jsonrpc":"2.0","method":"notifications/initialized"}]"#.utf8))
      #expect(silent.status == 202)
      for version in ["2025-06-18", "2026-07-28"] {
        let refused = try await gateway.post(batch, [("mcp-protocol-version", version)])
        #expect(refused.status == 400)
        #expect(try refused.root()["error"]?["code"]?.int == MCPErrorCode.invalidRequest)
      }
    }
  }

  @Test func `only POST is answered, with a key`() async throws {
    try await MCPFixture.run { gateway in
      for method in [HTTPMethod.get, .delete, .put] {
        let refused = try await gateway.post([], method: method)
        #expect(refused.status == 405 && refused.headers[.allow] == "POST")
      }
      for key in [nil, "wrong-key-of-16-bytes", ""] as [String?] {
        let refused = try await gateway.post(Array("{}".utf8), key: key)
        #expect(refused.status == 401 && refused.headers[.wwwAuthenticate] == "Bearer realm=\"cadre\"")
        let root = try refused.root()
        #expect(root["jsonrpc"]?.string == "2.0" && root["error"]?["data"]?["code"]?.string == "unauthorized")
      }
    }
  }

  @Test func `a web page is refused unless its origin is allowed`() async throws {
    try await MCPFixture.run(settings: [("mcp.allowed_origins", "https://app.example.com")]) { gateway in
      let ping = Array(#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#.utf8)
      for origin in [
        "https://evil.example", "null", "http://127.0.0.1:\(gateway.port)", "https://app.example.com.evil",
      ] {
        // Also with a wrong key: whoever is refused learns nothing about keys.
        let refused = try await gateway.post(ping, [("origin", origin)], key: "wrong-key-of-16-bytes")
        #expect(refused.status == 403, "\(origin)")
        #expect(try refused.root()["error"]?["data"]?["code"]?.string == "origin_refused")
      }
      let mixed = try await gateway.post(
        ping, [("origin", "https://app.example.com"), ("origin", "https://evil.example")])
      #expect(mixed.status == 403)
      #expect(try await gateway.post(ping, [("origin", "https://App.example.com")]).status == 200)
    }
  }

  @Test func `unknown methods have a status of their own in the stateless era`() async throws {
    // Clients tell them by it from a server that does not speak the protocol.
    try await MCPFixture.run { gateway in
      for method in ["initialize", "ping", "prompts/list", "subscriptions/listen", "logging/setLevel", "x"] {
        let refused = try await gateway.modern(method)
        #expect(refused.status == 404, "\(method)")
        let root = try refused.root()
        #expect(root["error"]?["code"]?.int == MCPErrorCode.methodNotFound && root["id"]?.string == "a")
      }
      #expect(try await gateway.legacy("server/discover").root()["error"]?["code"]?.int == MCPErrorCode.methodNotFound)
    }
  }
}
