import JSON
import Policy
import Testing

@testable import GatewayPolicyControl

/// What a tenant may set, and what it may not.
@Suite("Documents of tenants for policies")
struct PolicyDocumentTests {
  private static let config = """
    {"cadre": {"config": {
      "permissions": {
        "tasks.write": {"access": "tenant", "role": "member"},
        "tools.write": {"access": "tenant", "role": "operator", "tenant_minimum": "member"},
        "tenants.write": {"access": "operator"}, "public": {"access": "anonymous"}
      },
      "tools": {"risks": {"read": {"role": "viewer"}, "network": {"role": "member"}}},
      "models": {"role": "viewer", "call_cost_microusd_ceiling": 1000},
      "approvals": {"kinds": {"step": {"role": "member"}}, "risks": {"network": {"role": "operator"}},
        "tenant_minimum": "member"},
      "sessions": {"methods": ["password", "oidc"]}
    }}}
    """

  private func read(_ text: String, hasTables: Bool = true) throws -> (document: PolicyDocument?, faults: [String]) {
    let tables = PolicyTables(data: hasTables ? RegoValue(try JSONDocument(parsing: Self.config).root) : nil)
    var fields = JSONFields(try JSONDocument(parsing: #"{"data": \#(text)}"#).root)
    let document = PolicyDocument.read(&fields, tables)
    return (document, fields.faults.map { "\($0.pointer) \($0.code.rawValue)" })
  }

  @Test func `what the documentation names is taken`() throws {
    let text = """
      {"http": {"roles": {"tasks.write": "admin", "tools.write": "member"}},
       "tools": {"deny": ["shell*"], "only": null, "ask_risks": ["network"], "ask_unrepeatable": true,
         "roles": {"network": "operator"}},
       "models": {"only": ["small-*"], "role": "member", "tier_roles": {"large": "admin"},
         "call_cost_microusd_max": 1000, "ask_above_microusd": 0},
       "approvals": {"four_eyes": ["network", "step"], "roles": {"network": "member"}},
       "sessions": {"methods": ["oidc"], "second_factor_from": "admin"},
       "runners": {"images": ["registry.example.com/*"], "pinned_images": true, "exec_role": "owner"}}
      """
    let result = try read(text)
    #expect(result.faults == [])
    let root = try JSONDocument(parsing: try #require(result.document).text).root
    #expect(root["http"]?["roles"]?["tools.write"]?.string == "member")
    // Policies would take null for a list that nothing stands in.
    #expect(root["tools"]?.members.contains { $0.key.string == "only" } == false)
    #expect(try read("{}").document == .empty)
  }

  @Test(arguments: [
    (#"{"status": "suspended"}"#, "/data/status unknown_field"),
    (#"{"http": {"roles": {"tasks.write": "viewer"}}}"#, "/data/http/roles/tasks.write not_allowed"),
    (#"{"http": {"roles": {"tenants.write": "owner"}}}"#, "/data/http/roles/tenants.write unknown_field"),
    (#"{"http": {"roles": {"public": "owner"}}}"#, "/data/http/roles/public unknown_field"),
    (#"{"http": {"roles": {"nothing": "owner"}}}"#, "/data/http/roles/nothing unknown_field"),
    (#"{"http": {"roles": {"tasks.write": "nobody"}}}"#, "/data/http/roles/tasks.write not_allowed"),
    (#"{"http": {"roles": {"tasks.write": 5}}}"#, "/data/http/roles/tasks.write not_allowed"),
    (#"{"http": {"roles": []}}"#, "/data/http/roles type"), (#"{"http": true}"#, "/data/http type"),
    (#"{"tools": {"only": "shell"}}"#, "/data/tools/only type"),
    (#"{"tools": {"deny": ["[a"]}}"#, "/data/tools/deny/0 malformed"),
    (#"{"tools": {"deny": ["ok", ""]}}"#, "/data/tools/deny/1 malformed"),
    (#"{"tools": {"ask_risks": ["none"]}}"#, "/data/tools/ask_risks/0 not_allowed"),
    (#"{"tools": {"roles": {"network": "viewer"}}}"#, "/data/tools/roles/network not_allowed"),
    (#"{"tools": {"roles": {"none": "owner"}}}"#, "/data/tools/roles/none unknown_field"),
    (#"{"models": {"call_cost_microusd_max": 1001}}"#, "/data/models/call_cost_microusd_max range"),
    (#"{"models": {"call_cost_microusd_max": -1}}"#, "/data/models/call_cost_microusd_max range"),
    (#"{"models": {"call_cost_microusd_max": 1e400}}"#, "/data/models/call_cost_microusd_max range"),
    (#"{"approvals": {"four_eyes": "yes"}}"#, "/data/approvals/four_eyes type"),
    (#"{"approvals": {"four_eyes": ["all"]}}"#, "/data/approvals/four_eyes/0 not_allowed"),
    (#"{"approvals": {"roles": {"step": "viewer"}}}"#, "/data/approvals/roles/step not_allowed"),
    (#"{"sessions": {"methods": ["none"]}}"#, "/data/sessions/methods/0 not_allowed"),
    (#"{"sessions": {"second_factor_from": "root"}}"#, "/data/sessions/second_factor_from not_allowed"),
    (#"{"runners": {"pinned_images": "yes"}}"#, "/data/runners/pinned_images type"),
    (#"{"other": {}}"#, "/data/other unknown_field"), ("[]", "/data type"), ("null", "/data required"),
  ])
  func `what nobody knows or what goes too far is refused with its place`(_ text: String, _ fault: String) throws {
    let result = try read(text)
    #expect(result.document == nil)
    #expect(result.faults == [fault])
  }

  @Test func `without tables the form counts`() throws {
    #expect(try read(#"{"http": {"roles": {"anything": "viewer"}}}"#, hasTables: false).faults == [])
    #expect(try read(#"{"http": {"roles": {"anything": "root"}}}"#, hasTables: false).faults.count == 1)
    #expect(try read(#"{"sessions": {"methods": ["passkey"]}}"#, hasTables: false).faults == [])
  }

  @Test func `large documents and many faults are bounded`() throws {
    let pattern = "\"" + String(repeating: "a", count: 190) + "\""
    let list = "[" + Array(repeating: pattern, count: 400).joined(separator: ",") + "]"
    #expect(try read(#"{"tools": {"deny": \#(list)}}"#).faults == ["/data too_long"])
    let many = "[" + Array(repeating: "\"a\"", count: 501).joined(separator: ",") + "]"
    #expect(try read(#"{"tools": {"deny": \#(many)}}"#).faults == ["/data/tools/deny too_long"])
    let wrong = "[" + Array(repeating: "\"\"", count: 500).joined(separator: ",") + "]"
    #expect(try read(#"{"tools": {"deny": \#(wrong)}}"#).faults.count == 20)
  }
}
