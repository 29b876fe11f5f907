internal import JSON
internal import Policy

/// What a tenant has set for its policies: checked, without what says nothing. Pure.
package struct PolicyDocument: Sendable, Equatable {
  /// Largest document, in bytes of JSON.
  package static let bytesMax = 64 << 10
  /// Patterns of one list.
  private static let patternsMax = 500
  private static let patternBytesMax = 200
  private static let tiersMax = 20
  /// Patterns have `*` and `?` alone: a class that is not closed would make every decision an error.
  private static let patternRefused: Set<UInt8> = Set("[]{}\\".utf8)

  /// The document as JSON, in the order of its names.
  package let text: String

  /// Nothing.
  package static let empty = PolicyDocument(text: "{}")

  private init(text: String) { self.text = text }

  /// Reads the member `data` of a request. `nil` when it has faults, which `fields` then knows.
  static func read(_ fields: inout JSONFields, _ tables: PolicyTables) -> PolicyDocument? {
    let view = fields.value("data", isRequired: true)
    let isRead: Void? = fields.object("data") { data in
      data.object("http") { http in
        roles(&http, "roles", "/data/http/roles", countMax: 500) { tables.floor(ofPermission: $0) }
      }
      data.object("tools") { readTools(&$0, tables) }
      data.object("models") { readModels(&$0, tables) }
      data.object("approvals") { readApprovals(&$0, tables) }
      data.object("sessions") { readSessions(&$0, tables) }
      data.object("runners") { readRunners(&$0) }
    }
    guard let view, isRead != nil else { return nil }
    let text = (RegoValue(view).withoutNulls ?? .object(RegoObject())).json
    guard text.utf8.count <= bytesMax else {
      fields.note("data", .tooLong, "At most \(bytesMax) bytes of JSON are allowed.")
      return nil
    }
    return PolicyDocument(text: text)
  }

  // MARK: Parts

  private static func readTools(_ fields: inout JSONFields, _ tables: PolicyTables) {
    for name in ["deny", "only", "deny_sources", "deny_hosts", "only_hosts", "ask", "trust"] {
      patterns(&fields, name, "/data/tools/\(name)")
    }
    words(&fields, "ask_risks", "/data/tools/ask_risks", tables.risks)
    _ = fields.bool("ask_unrepeatable")
    roles(&fields, "roles", "/data/tools/roles", countMax: 50) { tables.floor(ofRisk: $0) }
  }

  private static func readModels(_ fields: inout JSONFields, _ tables: PolicyTables) {
    for name in ["deny", "only", "deny_providers"] { patterns(&fields, name, "/data/models/\(name)") }
    role(&fields, "role", least: tables.floorOfModels)
    roles(&fields, "tier_roles", "/data/models/tier_roles", countMax: tiersMax) { name in
      (1...40).contains(name.utf8.count) ? "viewer" : nil
    }
    _ = fields.int("call_cost_microusd_max", in: 0...tables.costCeiling)
    _ = fields.int("tool_call_cost_microusd_max", in: 0...tables.costCeiling)
    _ = fields.int("ask_above_microusd", in: 0...tables.costCeiling)
  }

  private static func readApprovals(_ fields: inout JSONFields, _ tables: PolicyTables) {
    if let value = fields.value("four_eyes"), value.kind != .true, value.kind != .false {
      guard value.kind == .array else {
        return fields.note("four_eyes", .type, "true, false, or a list of risks and kinds is expected.")
      }
      words(&fields, "four_eyes", "/data/approvals/four_eyes", tables.approvals)
    }
    roles(&fields, "roles", "/data/approvals/roles", countMax: 50) { tables.floor(ofApproval: $0) }
  }

  private static func readSessions(_ fields: inout JSONFields, _ tables: PolicyTables) {
    words(&fields, "methods", "/data/sessions/methods", tables.methods)
    role(&fields, "second_factor_from", least: "viewer")
  }

  private static func readRunners(_ fields: inout JSONFields) {
    patterns(&fields, "images", "/data/runners/images")
    _ = fields.bool("pinned_images")
    role(&fields, "exec_role", least: "viewer")
  }

  // MARK: Values

  private static func role(_ fields: inout JSONFields, _ name: String, least: String) {
    guard let role = fields.string(name, bytesMax: 20, allowed: PolicyTables.roles), isBelow(role, least) else {
      return
    }
    fields.note(name, .notAllowed, "No role below \(least) can be chosen here.")
  }

  private static func isBelow(_ role: String, _ least: String) -> Bool {
    (PolicyTables.roles.firstIndex(of: role) ?? 0) < (PolicyTables.roles.firstIndex(of: least) ?? 0)
  }

  /// An object of roles. `floor` is the least one for a name, `nil` for a name that is not known.
  private static func roles(
    _ fields: inout JSONFields, _ name: String, _ path: String, countMax: Int, floor: (String) -> String?
  ) {
    guard let view = fields.value(name) else { return }
    guard view.kind == .object else { return fields.note(name, .type, "An object of roles is expected.") }
    guard view.count <= countMax else { return fields.note(name, .tooLong, "At most \(countMax) are allowed.") }
    for (key, value) in view.members where !value.isNull {
      let member = key.string ?? ""
      func note(_ code: JSONFieldFault.Code, _ detail: String) {
        fields.note(at: JSONFieldFault(pointer: "\(path)/\(member.prefix(100))", code: code, detail: detail))
      }
      guard let least = floor(member) else {
        note(.unknownField, "A role for this name cannot be chosen.")
        continue
      }
      guard let role = value.string, PolicyTables.roles.contains(role) else {
        note(.notAllowed, "Allowed are: \(PolicyTables.roles.joined(separator: ", ")).")
        continue
      }
      if isBelow(role, least) { note(.notAllowed, "No role below \(least) can be chosen here.") }
    }
  }

  private static func patterns(_ fields: inout JSONFields, _ name: String, _ path: String) {
    guard let list = fields.strings(name, countMax: patternsMax, bytesMax: patternBytesMax) else { return }
    for (index, text) in list.enumerated() where text.isEmpty || text.utf8.contains(where: patternRefused.contains) {
      fields.note(
        at: JSONFieldFault(
          pointer: "\(path)/\(index)", code: .malformed, detail: "A name is expected, in which * stands for any text."))
    }
  }

  private static func words(_ fields: inout JSONFields, _ name: String, _ path: String, _ allowed: [String]?) {
    guard let list = fields.strings(name, countMax: 100, bytesMax: 100), let allowed else { return }
    for (index, word) in list.enumerated() where !allowed.contains(word) {
      fields.note(
        at: JSONFieldFault(
          pointer: "\(path)/\(index)", code: .notAllowed, detail: "Allowed are: \(allowed.joined(separator: ", "))."))
    }
  }
}

extension RegoValue {
  /// The value without members that are null: they say as much as none, and policies would take them for values.
  fileprivate var withoutNulls: RegoValue? {
    switch self {
    case .null: nil
    case .object(let object):
      .object(
        RegoObject(
          zip(object.keys, object.values).compactMap { key, value in value.withoutNulls.map { (key, $0) } }))
    default: self
    }
  }
}
