internal import JSON
public import Policy
public import Primitives
internal import Telemetry

/// One decision, as it is written into the decision log.
public struct DecisionRecord: Sendable {
  /// The question.
  public let query: PolicyQuery
  /// The answer.
  public let answer: PolicyAnswer
  /// The document as the policies gave it; `nil` when there was none.
  public let result: RegoValue?
  /// What the evaluation failed with.
  public let message: String
  /// The revision of the tenant's data; empty when it has none.
  public let dataRevision: String
  /// The time of the evaluation; 0 for decisions that were remembered.
  public let nanoseconds: UInt64
  /// When.
  public let time: Timestamp
}

/// Which parts of a decision are left out of the log.
public struct DecisionMask: Sendable {
  /// JSON pointers from the line on, taken apart: `/input/action/arguments`. A part that is `*` stands for any.
  private let pointers: [[String]]
  /// Pointers that are taken.
  public static let pointersMax = 100

  /// Makes a mask. Pointers that begin with neither `/input` nor `/result` are not accepted: `nil`.
  public init?(_ pointers: [String] = []) {
    guard pointers.count <= DecisionMask.pointersMax else { return nil }
    var parts: [[String]] = []
    for pointer in pointers {
      let list = pointer.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map {
        String($0).replacing("~1", with: "/").replacing("~0", with: "~")
      }
      guard pointer.hasPrefix("/"), let first = list.first, first == "input" || first == "result" else { return nil }
      parts.append(list)
    }
    self.pointers = parts
  }

  /// A document without what is masked and without what may be a secret; the pointers to what was taken out are added
  /// to `erased`, those to what was changed to `masked`.
  func apply(_ value: RegoValue, at path: [String], erased: inout [String], masked: inout [String]) -> RegoValue {
    switch value {
    case .string(let text):
      let clean = LogSecrets.masked(text)
      if clean != text { masked.append(DecisionMask.pointer(path)) }
      return .string(clean)
    case .array(let list):
      var kept: [RegoValue] = []
      kept.reserveCapacity(list.count)
      for (place, element) in list.enumerated() {
        let inner = path + [String(place)]
        guard !isErased(inner) else {
          erased.append(DecisionMask.pointer(inner))
          continue
        }
        kept.append(apply(element, at: inner, erased: &erased, masked: &masked))
      }
      return .array(kept)
    case .set(let set):
      return apply(.array(set.elements), at: path, erased: &erased, masked: &masked)
    case .object(let object):
      var kept: [(RegoValue, RegoValue)] = []
      kept.reserveCapacity(object.count)
      for place in 0..<object.count {
        let name = object.keys[place].string ?? object.keys[place].json
        let inner = path + [name]
        guard !isErased(inner), !LogSecrets.isSecret(name) || object.values[place].isPlain else {
          erased.append(DecisionMask.pointer(inner))
          continue
        }
        kept.append(
          (object.keys[place], apply(object.values[place], at: inner, erased: &erased, masked: &masked)))
      }
      return .object(RegoObject(kept))
    default: return value
    }
  }

  private func isErased(_ path: [String]) -> Bool {
    pointers.contains { pointer in
      pointer.count == path.count && zip(pointer, path).allSatisfy { $0 == "*" || $0 == $1 }
    }
  }

  private static func pointer(_ path: [String]) -> String {
    path.reduce("") { $0 + "/" + $1.replacing("~", with: "~0").replacing("/", with: "~1") }
  }
}

extension RegoValue {
  /// Whether it can hold no secret: truth values and null.
  fileprivate var isPlain: Bool {
    switch self {
    case .bool, .null: true
    default: false
    }
  }
}

extension DecisionRecord {
  /// Longest line; the input of longer ones is left out.
  static let lineBytesMax = 64 << 10

  /// The line of JSON, in the schema of OPA's decision logs. `labels` name the process.
  func line(_ mask: DecisionMask, labels: [(String, String)]) -> [UInt8] {
    let whole = line(mask, labels: labels, withDocuments: true)
    return whole.count <= DecisionRecord.lineBytesMax ? whole : line(mask, labels: labels, withDocuments: false)
  }

  private func line(_ mask: DecisionMask, labels: [(String, String)], withDocuments: Bool) -> [UInt8] {
    var erased: [String] = []
    var masked: [String] = []
    var writer = JSONWriter(reservingBytes: 1024)
    writer.beginObject()
    writer.key("labels")
    writer.beginObject()
    for (name, value) in labels { writer.member(name, value) }
    writer.endObject()
    writer.member("decision_id", answer.decisionID)
    writer.key("bundles")
    writer.beginObject()
    writer.key("cadre")
    writer.beginObject()
    writer.member("revision", answer.revision)
    writer.endObject()
    writer.endObject()
    writer.member("path", query.path.joined(separator: "/"))
    if withDocuments {
      writer.key("input")
      mask.apply(query.input, at: ["input"], erased: &erased, masked: &masked).write(to: &writer)
      if let result {
        writer.key("result")
        mask.apply(result, at: ["result"], erased: &erased, masked: &masked).write(to: &writer)
      }
    } else {
      erased = ["/input", "/result"]
    }
    if !erased.isEmpty { writer.member("erased", erased) }
    if !masked.isEmpty { writer.member("masked", masked) }
    writer.member("requested_by", query.requestedBy)
    writer.member("timestamp", time.description)
    writer.key("metrics")
    writer.beginObject()
    writer.member("timer_rego_query_eval_ns", Int64(clamping: nanoseconds))
    writer.endObject()
    if let fault = answer.fault {
      writer.key("error")
      writer.beginObject()
      writer.member("code", fault.rawValue)
      writer.member("message", LogSecrets.masked(message))
      writer.endObject()
    }
    writer.key("custom")
    writer.beginObject()
    writer.member("tenant", orNull: query.tenant)
    writer.member("mode", answer.mode.rawValue)
    writer.member("decided", answer.decided.rawValue)
    writer.member("effect", answer.effect.rawValue)
    writer.member("cached", answer.isFromCache)
    writer.member("data_revision", dataRevision)
    writer.endObject()
    writer.endObject()
    return writer.bytes
  }
}
