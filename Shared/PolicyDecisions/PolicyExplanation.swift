internal import JSON
internal import Policy

/// How a decision comes about.
public struct PolicyExplanation: Sendable {
  /// A line of it.
  public struct Line: Sendable, Equatable {
    /// What happens.
    public enum Kind: String, Sendable {
      /// A rule is looked at.
      case enter
      /// An expression holds.
      case hold
      /// An expression fails.
      case fail
      /// A rule has a value.
      case give
      /// A rule has none.
      case leave
    }

    /// What happens.
    public let kind: Kind
    /// The rule, from `data` on.
    public let rule: String
    /// The file.
    public let file: String
    /// The line in it, from 1.
    public let line: Int
    /// The column, from 1.
    public let column: Int
    /// How many rules stand around it.
    public let depth: Int
    /// The line of the file, or the value that a rule has.
    public let text: String
  }

  /// Lines that are kept. What follows is left out.
  public static let linesMax = 2000
  private static let textBytesMax = 200
  private static let depthMax = 64

  /// What policies say.
  public let effect: PolicyEffect
  /// Why.
  public let reasons: [String]
  /// The rule that has spoken.
  public let rule: String?
  /// Why none has spoken.
  public let fault: PolicyFault?
  /// What the evaluation failed with; empty when it did not.
  public let message: String
  /// The digest of the bundle.
  public let revision: String
  /// What was looked at, in order.
  public let lines: [Line]
  /// Whether more was looked at.
  public let isTruncated: Bool

  init(
    _ bundle: PolicyBundle, _ query: PolicyQuery, _ data: TenantPolicyData?, _ limits: EvaluationLimits,
    check: @escaping () -> Bool
  ) {
    let recorder = Recorder(bundle)
    let decision: PolicyDecision
    do {
      decision = PolicyDecision(
        try BundleSource.document(bundle, query, data, limits, observer: recorder, check: check))
    } catch { decision = BundleSource.decision(error) }
    effect = decision.effect
    reasons = decision.reasons
    rule = decision.rule
    fault = decision.fault
    message = decision.message
    revision = bundle.revision
    lines = recorder.lines
    isTruncated = recorder.isTruncated
  }

  private final class Recorder: EvaluationObserver {
    private let sources: [String: [ArraySlice<UInt8>]]
    private(set) var lines: [Line] = []
    private(set) var isTruncated = false
    private var depth = 0

    init(_ bundle: PolicyBundle) {
      sources = bundle.sources.mapValues {
        $0.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      }
    }

    func observe(_ event: EvaluationEvent, at site: PolicySite) {
      let kind: Line.Kind
      var value: String?
      switch event {
      case .enters:
        kind = .enter
        depth += 1
      case .holds: kind = .hold
      case .fails: kind = .fail
      case .gives(let given):
        kind = .give
        value = given.json
      case .ends(let isDefined):
        if !isDefined { add(.leave, site, nil) }
        depth = max(0, depth - 1)
        return
      }
      add(kind, site, value)
    }

    private func add(_ kind: Line.Kind, _ site: PolicySite, _ value: String?) {
      guard lines.count < PolicyExplanation.linesMax else {
        isTruncated = true
        return
      }
      let line = Line(
        kind: kind, rule: site.rule, file: site.file, line: site.place.line, column: site.place.column,
        depth: min(max(0, depth - 1), PolicyExplanation.depthMax), text: value.map(cut) ?? source(site))
      // A statement of several steps stands there once.
      if let last = lines.last, last.kind == kind, kind == .hold || kind == .fail, last.line == line.line,
        last.column == line.column, last.file == line.file
      {
        return
      }
      lines.append(line)
    }

    private func source(_ site: PolicySite) -> String {
      guard let lines = sources[site.file], lines.indices.contains(site.place.line - 1) else { return "" }
      let line = lines[site.place.line - 1].drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
      return cut(String(decoding: line.prefix(PolicyExplanation.textBytesMax + 1), as: UTF8.self))
    }

    private func cut(_ text: String) -> String {
      guard text.utf8.count > PolicyExplanation.textBytesMax else { return text }
      return String(decoding: text.utf8.prefix(PolicyExplanation.textBytesMax), as: UTF8.self) + "..."
    }
  }

  /// The explanation as JSON.
  public var json: [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("effect", effect.rawValue)
    writer.member("reasons", reasons)
    writer.member("rule", orNull: rule)
    writer.member("fault", orNull: fault?.rawValue)
    writer.member("message", message)
    writer.member("revision", revision)
    writer.member("truncated", isTruncated)
    writer.objects("lines", lines) { line, writer in
      writer.member("op", line.kind.rawValue)
      writer.member("rule", line.rule)
      writer.member("file", line.file)
      writer.member("line", Int64(line.line))
      writer.member("column", Int64(line.column))
      writer.member("depth", Int64(line.depth))
      writer.member("text", line.text)
    }
    writer.endObject()
    return writer.bytes
  }

  /// The explanation as text: a line for each event, indented by depth.
  public var text: String {
    var text = "\(effect.rawValue)\(rule.map { " by \($0)" } ?? "")\(fault.map { " (\($0.rawValue))" } ?? "")\n"
    for reason in reasons { text += "because \(reason)\n" }
    if !message.isEmpty { text += "error: \(message)\n" }
    text += "\n"
    for line in lines {
      let mark =
        switch line.kind {
        case .enter: "rule"
        case .hold: "  +"
        case .fail: "  -"
        case .give: "  ="
        case .leave: "  undefined"
        }
      let what = line.kind == .enter ? "\(line.rule): \(line.text)" : line.kind == .leave ? line.rule : line.text
      text += String(repeating: "  ", count: line.depth) + "\(mark) \(what)  (\(line.file):\(line.line))\n"
    }
    if isTruncated { text += "more was looked at than is shown\n" }
    return text
  }
}
