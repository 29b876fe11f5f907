internal import Policy

/// What policies said, before the mode.
struct PolicyDecision: Sendable {
  let effect: PolicyEffect
  let reasons: [String]
  let rule: String?
  let fault: PolicyFault?
  /// The document as it is; `nil` when there is none.
  let result: RegoValue?
  /// What is logged of a fault.
  let message: String

  private static let reasonsMax = 16
  private static let reasonBytesMax = 500
  private static let ruleBytesMax = 200

  /// A refusal because no rule has spoken.
  init(_ fault: PolicyFault, _ message: String = "", result: RegoValue? = nil) {
    effect = .deny
    reasons = [PolicyDecision.reason(fault)]
    rule = nil
    self.fault = fault
    self.result = result
    self.message = message
  }

  /// Reads a document: `{"effect": "allow" | "deny" | "ask", "reasons": [text], "rule": text}`.
  init(_ document: RegoValue?) {
    guard let document else {
      self.init(.undefined)
      return
    }
    guard case .object(let object) = document, let effect = object["effect"]?.string.flatMap(PolicyEffect.init),
      let reasons = PolicyDecision.texts(object["reasons"])
    else {
      self.init(.invalidDecision, "the document is no decision", result: document)
      return
    }
    let rule = object["rule"]?.string.map { PolicyDecision.cut($0, PolicyDecision.ruleBytesMax) }
    self.init(effect, reasons, rule: rule, result: document)
  }

  private init(_ effect: PolicyEffect, _ reasons: [String], rule: String?, result: RegoValue) {
    self.effect = effect
    self.reasons = reasons
    self.rule = rule
    fault = nil
    self.result = result
    message = ""
  }

  /// The texts of a list or set; `nil` for other types.
  private static func texts(_ value: RegoValue?) -> [String]? {
    let elements: [RegoValue]
    switch value {
    case nil: return []
    case .array(let list)?: elements = list
    case .set(let set)?: elements = set.elements
    default: return nil
    }
    var texts: [String] = []
    for element in elements.prefix(reasonsMax) {
      guard let text = element.string else { return nil }
      texts.append(cut(text, reasonBytesMax))
    }
    return texts
  }

  private static func cut(_ text: String, _ bytes: Int) -> String {
    text.utf8.count <= bytes ? text : String(decoding: text.utf8.prefix(bytes), as: UTF8.self)
  }

  /// What a caller reads when no rule has spoken. Stable, and without details of the policies.
  static func reason(_ fault: PolicyFault) -> String {
    switch fault {
    case .undefined: "no policy allows this"
    case .conflict: "the policies contradict each other"
    case .error: "the policies could not be evaluated"
    case .timeout: "the policies took too long"
    case .limit: "the policies took more steps or memory than they may"
    case .invalidDecision: "the policies gave no decision"
    case .unavailable: "the policies are not available"
    case .halted: "changes are halted in this installation"
    case .tooLarge: "the question to the policies is too large"
    }
  }
}
