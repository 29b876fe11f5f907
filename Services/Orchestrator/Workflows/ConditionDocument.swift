internal import Decider
internal import JSON

/// Conditions as JSON: `{"ref": "input.kind", "equals": "bug"}`, `{"ref": "input.x", "exists": true}`,
/// `{"step": "check", "is": "failed"}`, and `all`, `any`, `not` around them.
enum ConditionDocument {
  private static let depthMax = 16
  private static let partsMax = 50

  static func read(_ view: JSONView, path: String, depth: Int = 0) throws(JSONFieldsError) -> Condition {
    var fields = JSONFields(view, path: path)
    guard depth < depthMax else {
      fields.note("", .range, "Conditions may be nested \(depthMax) deep.")
      try fields.finish()
      return .all([])
    }
    var condition: Condition?
    for (name, make) in [("all", Condition.all), ("any", Condition.any)] {
      guard let parts = fields.array(name, countMax: partsMax) else { continue }
      var read: [Condition] = []
      for (index, part) in parts.enumerated() {
        read.append(try self.read(part, path: "\(path)/\(name)/\(index)", depth: depth + 1))
      }
      condition = make(read)
    }
    if let part = fields.value("not") {
      condition = .not(try read(part, path: path + "/not", depth: depth + 1))
    }
    if let step = fields.string("step", bytesMax: 200) {
      let outcome = fields.string(
        "is", isRequired: true, bytesMax: 20, allowed: Condition.Outcome.allCases.map(\.rawValue))
      condition = outcome.flatMap { Condition.Outcome(rawValue: $0) }.map { .outcome(step: step, $0) }
    }
    if let reference = fields.string("ref", bytesMax: Reference.bytesMax) {
      condition = comparison(&fields, reference)
    }
    if condition == nil, fields.faults.isEmpty {
      fields.note("", .required, "Exactly one of all, any, not, step and ref is expected.")
    }
    try fields.finish()
    return condition ?? .all([])
  }

  private static func comparison(_ fields: inout JSONFields, _ reference: String) -> Condition? {
    guard let parsed = Reference(reference), parsed.root == .input || parsed.isOutput else {
      fields.note("ref", .malformed, "A reference such as input.kind or steps.check.output.score is expected.")
      return nil
    }
    var condition: Condition?
    if let exists = fields.bool("exists") {
      condition = exists ? .exists(reference: reference) : .not(.exists(reference: reference))
    }
    for operation in Condition.Operator.allCases {
      guard let literal = fields.value(operation.rawValue) else { continue }
      let value = FactValue(literal)
      if case .count = value { fields.note(operation.rawValue, .type, "A string, number or truth value is expected.") }
      if case .longString = value {
        fields.note(operation.rawValue, .tooLong, "At most \(FactValue.stringBytesMax) bytes are compared.")
      }
      condition = .compare(reference: reference, operation, value)
    }
    if condition == nil, fields.faults.isEmpty {
      let names = Condition.Operator.allCases.map(\.rawValue).joined(separator: ", ")
      fields.note("ref", .required, "The reference must be compared: exists, \(names).")
    }
    return condition
  }

  static func write(_ condition: Condition, to writer: inout JSONWriter) {
    writer.beginObject()
    switch condition {
    case .all(let parts): write("all", parts, to: &writer)
    case .any(let parts): write("any", parts, to: &writer)
    case .not(let part):
      writer.key("not")
      write(part, to: &writer)
    case .exists(let reference):
      writer.member("ref", reference)
      writer.member("exists", true)
    case .outcome(let step, let outcome):
      writer.member("step", step)
      writer.member("is", outcome.rawValue)
    case .compare(let reference, let operation, let literal):
      writer.member("ref", reference)
      writer.key(operation.rawValue)
      literal.write(to: &writer)
    }
    writer.endObject()
  }

  private static func write(_ name: String, _ parts: [Condition], to writer: inout JSONWriter) {
    writer.key(name)
    writer.beginArray()
    for part in parts { write(part, to: &writer) }
    writer.endArray()
  }
}

extension Reference {
  var isOutput: Bool { if case .output = root { true } else { false } }
}
