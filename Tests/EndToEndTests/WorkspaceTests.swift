import Foundation
import JSON
import LocalStack
import Testing

/// Files, memories, tools and MCP servers with the real services.
extension EndToEndTests {
  @Suite(.serialized) struct WorkspaceTests {
    private let fixture: StackFixture
    private let other = StackFixture.otherKey

    init() throws { fixture = try StackFixture.shared.get() }

    /// A leased step, and the calls that its worker makes.
    private func lease(_ workflow: String, more: String = "") throws -> (run: String, lease: JSONView) {
      try fixture.put(workflow: workflow, "{\"key\":\"a\",\"job_type\":\"\(workflow)\"}")
      let (_, run) = try fixture.start(workflow, more: more)
      return (run, try #require(try fixture.lease(workflow).first))
    }

    private func step(
      _ lease: JSONView, _ method: String, _ path: String, body: String? = nil, headers: [String: String] = [:],
      token: String? = nil
    ) -> (status: Int, text: String) {
      let all = fixture.stepHeaders(lease).merging(headers) { $1 }
        .merging(["X-Cadre-Lease-Token": token ?? lease["token"]?.string ?? ""]) { $1 }
      return fixture.call(
        method, "/worker/v1/steps/\(lease["step_id"]?.string ?? "")\(path)", body: body, headers: all,
        service: "orchestrator")
    }

    private func upload(_ name: String, _ content: String, headers: [String: String] = [:]) throws -> JSONView {
      let all = ["Content-Type": "application/octet-stream"].merging(headers) { $1 }
      let (status, root) = try fixture.json("POST", "/api/v1/artefacts?name=\(name)", body: content, headers: all)
      guard status == 201 else { throw StackError("\(status) \(String(decoding: root.rawBytes, as: UTF8.self))") }
      return root
    }

    // MARK: Files

    @Test func `an upload that a task names is there for its steps, and what they write is there for people`() throws {
      let file = try upload("data/sales.csv", "a,b\n1,2\n")
      let id = file["id"]?.string ?? ""
      let (run, lease) = try lease("files", more: "\"artefacts\":[\"\(id)\"],")
      #expect(lease["input"]?["artefacts"]?[0]?["name"]?.string == "data/sales.csv")
      #expect(step(lease, "GET", "/artefacts/data/sales.csv").text == "a,b\n1,2\n")
      let text = String(repeating: "line of a report\n", count: 40_000)
      let written = step(lease, "PUT", "/artefacts/report%20of%20today.md", body: text)
      #expect(written.status == 200, "\(written)")
      #expect(step(lease, "PUT", "/artefacts/report%20of%20today.md", body: text).text == written.text)
      let listed = try JSONDocument(parsing: step(lease, "GET", "/artefacts").text).root["artefacts"]
      #expect(listed?.elements.compactMap { $0["name"]?.string } == ["data/sales.csv", "report of today.md"])
      #expect(try fixture.deliver(lease) == 200)
      let files = try fixture.json("GET", "/api/v1/runs/\(run)/artefacts").root["artefacts"]
      let report = try #require(files?.elements.first { $0["name"]?.string == "report of today.md" })
      #expect(report["step_id"]?.string == lease["step_id"]?.string && report["media_type"]?.string == "text/markdown")
      let content = "/api/v1/artefacts/\(report["id"]?.string ?? "")/content"
      #expect(fixture.call("GET", content).text == text)
      let range = fixture.call("GET", content, headers: ["Range": "bytes=262140-262149"])
      let bytes = Array(text.utf8)
      #expect(range.status == 206 && Array(range.text.utf8) == Array(bytes[262_140...262_149]), "\(range)")
      #expect(fixture.call("GET", content, headers: ["Range": "bytes=9999999-"]).status == 416)
      let tag = "\"\(report["sha256"]?.string ?? "")\""
      #expect(fixture.call("GET", content, headers: ["If-None-Match": tag]).status == 304)
      // What belongs to a run stays with it.
      #expect(fixture.call("DELETE", "/api/v1/artefacts/\(report["id"]?.string ?? "")").status == 409)
      #expect(fixture.call("DELETE", "/api/v1/artefacts/\(id)").status == 204)
      #expect(fixture.call("GET", "/api/v1/artefacts/\(id)").status == 404)
      // A new run out of this one has the files from its beginning.
      let fork = try fixture.json("POST", "/api/v1/runs/\(run)/fork", body: #"{"from_step":"a"}"#)
      let forked = try fixture.json("GET", "/api/v1/runs/\(fork.root["id"]?.string ?? "")/artefacts").root["artefacts"]
      #expect(fork.status == 201 && forked?.count == 2)
    }

    @Test func `without the lease a step reads and writes nothing`() throws {
      let (_, lease) = try lease("leased-files")
      #expect(step(lease, "PUT", "/artefacts/a.txt", body: "1").status == 200)
      let wrong = UUID().uuidString.lowercased()
      for (method, path, body) in [
        ("GET", "/artefacts", nil), ("GET", "/artefacts/a.txt", nil), ("PUT", "/artefacts/a.txt", "2"),
        ("POST", "/memories", #"{"text":"t"}"#), ("POST", "/memories/search", #"{"query":"t"}"#),
        ("GET", "/registry", nil), ("GET", "/tools/x/source", nil),
        ("GET", "/mcp-servers/mcp_00000000000070008000000000000001/secrets", nil),
      ] as [(String, String, String?)] {
        #expect(step(lease, method, path, body: body, token: wrong).status == 403, "\(method) \(path)")
        #expect(step(lease, method, path, body: body, token: "").status == 400, "\(method) \(path)")
        #expect(
          step(lease, method, path, body: body, headers: ["X-Cadre-Assertion": ""]).status == 401, "\(method) \(path)")
      }
      #expect(try fixture.deliver(lease) == 200)
      for path in ["/artefacts/a.txt", "/registry"] {
        let late = step(lease, "GET", path)
        #expect(late.status == 409 && late.text.contains("lease_lost"), "\(late)")
      }
    }

    @Test(arguments: [
      "", "..", "../a", "/a", "a//b", "a%2F..%2Fb", "a%00b", "a%0Ab", "a%5Cb", "%E2%80%AEgnp.exe", ".",
      String(repeating: "x", count: 256),
    ])
    func `a name that is no plain path is refused`(name: String) throws {
      let answer = fixture.call(
        "POST", "/api/v1/artefacts?name=\(name)", body: "x", headers: ["Content-Type": "text/plain"])
      #expect(answer.status == 422 || (answer.status == 400 && name.contains("%00")), "\(name): \(answer)")
    }

    @Test func `a download is an attachment whatever it holds and is called`() throws {
      let page = "<script>alert(1)</script>"
      for (name, plain) in [
        ("evil%22%3B%20x%3Dy.html", "evil___x_y.html"), ("%C3%A4.svg", "_.svg"), ("a/b%20c.js", "b_c.js"),
      ] {
        let id = try upload(name, page)["id"]?.string ?? ""
        let head = try RawRequest.head(
          port: fixture.port(of: "gateway"), path: "/api/v1/artefacts/\(id)/content", key: fixture.stack.apiKey)
        #expect(head.contains("content-disposition: attachment; filename=\"\(plain)\"; filename*=utf-8''"), "\(head)")
        #expect(head.contains("x-content-type-options: nosniff"))
        #expect(head.contains("content-type: application/octet-stream"))
        #expect(head.contains("content-security-policy: default-src 'none'; sandbox"))
      }
    }

    @Test func `an upload is repeated by its key, and is too large at 16 MiB and a byte`() throws {
      let key = ["Idempotency-Key": UUID().uuidString]
      let first = try upload("k.txt", "one", headers: key)
      #expect(try upload("k.txt", "one", headers: key)["id"]?.string == first["id"]?.string)
      let other = fixture.call(
        "POST", "/api/v1/artefacts?name=k.txt", body: "two",
        headers: key.merging(["Content-Type": "text/plain"]) { $1 })
      #expect(other.status == 422 && other.text.contains("idempotency_key_reused"), "\(other)")
      let large = String(repeating: "0123456789abcdef", count: 1 << 20)
      let whole = try upload("large.bin", large)
      #expect(whole["bytes"]?.int == 16 << 20)
      let more = fixture.call(
        "POST", "/api/v1/artefacts?name=larger.bin", body: large + "x", headers: ["Content-Type": "text/plain"])
      #expect(more.status == 413, "\(more.status)")
    }

    // MARK: Memories

    @Test func `agents of a project remember, and find again`() throws {
      let (_, project) = try fixture.json("POST", "/api/v1/projects", body: "{\"name\":\"mem-\(UUID().uuidString)\"}")
      let id = project["id"]?.string ?? ""
      let (_, lease) = try lease("memory", more: "\"project_id\":\"\(id)\",")
      let body = #"{"text":"Invoices are sent in Swiss francs.","tags":["billing"],"key":"k1"}"#
      #expect(step(lease, "POST", "/memories", body: body).status == 201)
      #expect(step(lease, "POST", "/memories", body: body).status == 200)
      let found = step(lease, "POST", "/memories/search", body: #"{"query":"which currency has an invoice?"}"#)
      let memories = try JSONDocument(parsing: found.text).root["memories"]
      #expect(memories?.count == 1 && memories?[0]?["highlight"]?.string?.contains("**Invoices**") == true, "\(found)")
      let listed = try fixture.json("GET", "/api/v1/memories?project_id=\(id)&q=francs").root["memories"]
      #expect(listed?.count == 1)
      let memory = listed?[0]?["id"]?.string ?? ""
      #expect(fixture.call("GET", "/api/v1/memories/\(memory)", key: other).status == 404)
      #expect(fixture.call("DELETE", "/api/v1/memories/\(memory)", key: other).status == 404)
      #expect(fixture.call("GET", "/api/v1/memories?project_id=\(id)", key: other).status == 404)
      #expect(fixture.call("DELETE", "/api/v1/memories/\(memory)").status == 204)
      #expect(fixture.call("POST", "/api/v1/memories", body: #"{"text":""}"#).status == 422)
      #expect(try fixture.deliver(lease) == 200)
    }

    // MARK: Tools

    @Test func `a tool of a user reaches the workers of its tenant alone`() throws {
      let name = "slug\(UUID().uuidString.prefix(8).lowercased())"
      let body = """
        {"manifest":{"name":"\(name)","description":"d","runtime":"python","parameters":{"type":"object"}},
        "source":"def run(a): return a"}
        """
      let (_, lease) = try lease("user-tools")
      let before = step(lease, "GET", "/registry")
      let revision = try #require(try JSONDocument(parsing: before.text).root["revision"]?.string)
      #expect(step(lease, "GET", "/registry", headers: ["If-None-Match": "\"\(revision)\""]).status == 304)
      #expect(fixture.call("POST", "/api/v1/tools", body: body).status == 201)
      #expect(fixture.call("POST", "/api/v1/tools", body: body).status == 200)
      let after = step(lease, "GET", "/registry", headers: ["If-None-Match": "\"\(revision)\""])
      let tool = try JSONDocument(parsing: after.text).root["tools"]?.elements.first { $0["name"]?.string == name }
      #expect(after.status == 200 && tool?["runtime"]?.string == "python")
      let digest = tool?["source_sha256"]?.string ?? ""
      #expect(step(lease, "GET", "/tools/\(name)/source?sha256=\(digest)").text == "def run(a): return a")
      #expect(fixture.call("GET", "/api/v1/tools/\(name)", key: other).status == 404)
      #expect(fixture.call("DELETE", "/api/v1/tools/\(name)", key: other).status == 404)
      #expect(!fixture.call("GET", "/api/v1/tools?limit=200", key: other).text.contains(name))
      let all = try fixture.json("GET", "/api/v1/tools?limit=200").root["tools"]?.elements.compactMap {
        $0["name"]?.string
      }
      #expect(all?.contains(name) == true && all?.contains("calculator") == true && all == all?.sorted())
      let page = try fixture.json("GET", "/api/v1/tools?limit=1&source=built_in").root
      #expect(page["tools"]?.count == 1 && page["next_cursor"]?.string == page["tools"]?[0]?["name"]?.string)
      #expect(fixture.call("DELETE", "/api/v1/tools/calculator").status == 409)
      #expect(fixture.call("DELETE", "/api/v1/tools/\(name)").status == 204)
      #expect(step(lease, "GET", "/tools/\(name)/source").status == 404)
      let bad = fixture.call("POST", "/api/v1/tools", body: body.replacing("\"object\"", with: "\"objet\""))
      #expect(bad.status == 422 && bad.text.contains("/manifest/parameters"), "\(bad)")
      #expect(try fixture.deliver(lease) == 200)
    }

    @Test func `values of an MCP server reach the worker that connects, and nobody else`() throws {
      let name = "s\(UUID().uuidString.prefix(8).lowercased())"
      let secret = "Bearer secret-\(UUID().uuidString)"
      let (status, server) = try fixture.json(
        "POST", "/api/v1/mcp-servers",
        body: """
          {"name":"\(name)","transport":"http","url":"http://127.0.0.1:1/mcp","trust":"pin",
          "headers":{"Authorization":"\(secret)"}}
          """)
      #expect(status == 201 && server["header_names"]?[0]?.string == "authorization")
      let path = "/api/v1/mcp-servers/\(server["id"]?.string ?? "")"
      #expect(!fixture.call("GET", path).text.contains(secret))
      #expect(fixture.call("GET", path, key: other).status == 404)
      #expect(fixture.call("PATCH", path, body: "{}", key: other).status == 404)
      let (_, lease) = try lease("mcp-secrets")
      let values = step(lease, "GET", "/mcp-servers/\(server["id"]?.string ?? "")/secrets")
      #expect(values.status == 200 && values.text.contains(secret), "\(values)")
      let moved = fixture.call("PATCH", path, body: #"{"url":"http://127.0.0.1:2/"}"#)
      #expect(moved.status == 422 && moved.text.contains("/headers"), "\(moved)")
      // What a worker reports is seen, and a changed definition waits for a person.
      func report(_ description: String, tenant: String = StackFixture.tenant) -> (status: Int, text: String) {
        let tool = """
          {"name":"\(name)__look","description":"\(description)","parameters":{"type":"object"},"risk":"network",
          "source":"mcp:\(name)"}
          """
        return fixture.call(
          "POST", "/worker/v1/mcp-servers/\(server["id"]?.string ?? "")/report",
          body: "{\"tenant_id\":\"\(tenant)\",\"worker\":\"w\",\"version\":1,\"state\":\"ready\",\"tools\":[\(tool)]}",
          headers: fixture.workerHeaders(), service: "orchestrator")
      }
      #expect(report("Looks.").text.contains("true"))
      #expect(report("Looks.", tenant: StackFixture.otherTenant).status == 404)
      #expect(step(lease, "GET", "/registry").text.contains("Looks."))
      #expect(report("Looks elsewhere.").status == 200)
      #expect(!step(lease, "GET", "/registry").text.contains("Looks"))
      let tool = try #require(try fixture.json("GET", "\(path)/tools").root["tools"]?[0])
      #expect(tool["status"]?.string == "changed")
      let approval = "\(path)/tools/\(name)__look/approve"
      let stale = fixture.call("POST", approval, body: "{\"sha256\":\"\(String(repeating: "0", count: 64))\"}")
      #expect(stale.status == 409, "\(stale)")
      let fits = "{\"sha256\":\"\(tool["sha256"]?.string ?? "")\"}"
      #expect(fixture.call("POST", approval, body: fits, key: other).status == 404)
      #expect(fixture.call("POST", approval, body: fits).status == 200)
      #expect(step(lease, "GET", "/registry").text.contains("Looks elsewhere."))
      #expect(try fixture.json("GET", path).root["state"]?.string == "ready")
      let program = fixture.call(
        "POST", "/api/v1/mcp-servers", body: #"{"name":"sh","transport":"stdio","command":"/bin/sh"}"#)
      #expect(program.status == 403 && program.text.contains("command_not_allowed"), "\(program)")
      #expect(fixture.call("DELETE", path).status == 204)
      #expect(try fixture.deliver(lease) == 200)
    }
  }
}
