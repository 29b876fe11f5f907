internal import JSON
package import Policy

/// What a log of decisions would hold under other policies.
package struct WhatIfReport: Sendable {
  /// A way in which decisions differ.
  package struct Change: Hashable, Sendable {
    /// The path of the decision.
    package let path: String
    /// What was and what would be decided, each an effect and a rule.
    package let from: String
    package let to: String
    /// What was asked about, and the role of who asked.
    package let subject: String
    package let role: String
  }

  /// How often, and for example which.
  package struct Count: Sendable {
    /// How often.
    package fileprivate(set) var decisions = 0
    /// The ids of some.
    package fileprivate(set) var ids: [String] = []
  }

  private static let idsMax = 3
  /// Ways that are listed one by one; the others are counted together.
  private static let changesMax = 1000

  /// The decisions that were read.
  package private(set) var decisions = 0
  /// Those that would be the same.
  package private(set) var same = 0
  /// Those that differ, by how.
  package private(set) var changes: [Change: Count] = [:]
  /// Those that differ in ways that are not listed.
  package private(set) var others = 0
  /// Those whose input was masked: what is said about them is uncertain.
  package private(set) var masked = 0
  /// Lines that are no decisions.
  package private(set) var unreadable = 0

  private let program: PolicyProgram
  private let data: RegoValue
  private let isExact: Bool
  private let now: Int64

  /// Prepares a report. `isExact` compares whole results, and not only effects. Throws the first fault of the policies.
  package init(_ sources: PolicySources, isExact: Bool, now: Int64) throws(PolicyError) {
    program = try PolicyProgram(sources.texts(withTests: false))
    data = sources.data
    self.isExact = isExact
    self.now = now
  }

  /// Decisions that differ.
  package var different: Int { decisions - same }

  /// Adds a line of a log; an empty one is none.
  package mutating func add(_ line: [UInt8]) {
    guard line.contains(where: { $0 > 0x20 }) else { return }
    guard let decision = LoggedDecision(line) else {
      unreadable += 1
      return
    }
    decisions += 1
    if decision.isMasked { masked += 1 }
    let result: RegoValue?
    var fault: String?
    do throws(EvaluationError) {
      result = try program.document(at: decision.path, input: decision.input, data: data, now: now)
    } catch {
      result = nil
      fault = error.code.rawValue
    }
    let (from, to) = (WhatIfReport.name(decision.result), fault.map { "deny (\($0))" } ?? WhatIfReport.name(result))
    let isSame =
      isExact ? decision.result == result && fault == nil : WhatIfReport.effect(from) == WhatIfReport.effect(to)
    guard !isSame else {
      same += 1
      return
    }
    let change = Change(
      path: decision.path.joined(separator: "/"), from: from, to: to, subject: decision.subject, role: decision.role)
    guard changes[change] != nil || changes.count < WhatIfReport.changesMax else {
      others += 1
      return
    }
    changes[change, default: Count()].decisions += 1
    if changes[change]?.ids.count ?? 0 < WhatIfReport.idsMax, !decision.id.isEmpty {
      changes[change]?.ids.append(decision.id)
    }
  }

  /// `allow (tasks.write)`: the effect and the rule; what is no decision denies.
  private static func name(_ result: RegoValue?) -> String {
    guard let result else { return "deny (undefined)" }
    if case .bool(let isAllowed) = result { return isAllowed ? "allow" : "deny" }
    guard case .object(let object) = result, let effect = object["effect"]?.string,
      ["allow", "deny", "ask"].contains(effect)
    else { return "deny (no decision)" }
    return object["rule"]?.string.map { "\(effect) (\($0))" } ?? effect
  }

  private static func effect(_ name: String) -> Substring { name.prefix { $0 != " " } }

  // MARK: Reports

  /// Ways in which decisions differ, the most frequent first.
  package var sorted: [(change: Change, count: Count)] {
    changes.map { (change: $0.key, count: $0.value) }.sorted { left, right in
      if left.count.decisions != right.count.decisions { return left.count.decisions > right.count.decisions }
      let (a, b) = (left.change, right.change)
      return (a.path, a.subject, a.role, a.from, a.to) < (b.path, b.subject, b.role, b.from, b.to)
    }
  }

  /// A line for each way in which decisions differ, and one that counts them.
  package var lines: [String] {
    var lines = sorted.map { change, count in
      let role = change.role.isEmpty ? "" : " as \(change.role)"
      let example = count.ids.first.map { ", for example \($0)" } ?? ""
      return "\(count.decisions) x \(change.path) \(change.subject)\(role): \(change.from) -> \(change.to)\(example)"
    }
    if others > 0 { lines.append("\(others) x in other ways") }
    lines.append("\(decisions) decisions, \(different) would differ")
    if masked > 0 { lines.append("\(masked) of them were masked: their answers are uncertain") }
    if unreadable > 0 { lines.append("\(unreadable) lines are no decisions") }
    return lines
  }

  /// The same as JSON.
  package var json: String {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("decisions", Int64(decisions))
    writer.member("different", Int64(different))
    writer.member("masked", Int64(masked))
    writer.member("unreadable", Int64(unreadable))
    writer.member("not_listed", Int64(others))
    writer.key("changes")
    writer.beginArray()
    for (change, count) in sorted {
      writer.beginObject()
      writer.member("path", change.path)
      writer.member("subject", change.subject)
      writer.member("role", change.role)
      writer.member("from", change.from)
      writer.member("to", change.to)
      writer.member("count", Int64(count.decisions))
      writer.member("decision_ids", count.ids)
      writer.endObject()
    }
    writer.endArray()
    writer.endObject()
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}
