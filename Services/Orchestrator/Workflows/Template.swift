public import JSON

/// A document with holes: `{"$ref": "input.title"}` is replaced by what stands there, `{{input.title}}` within a string
/// by its text, and `{"$literal": ...}` is taken as it is.
public struct Template: Sendable {
  /// Where the values of references come from.
  public typealias Lookup = (Reference) throws -> JSONView?

  private static let depthMax = 64
  /// Most containers inside each other in what a template gives: less than any reader of stored documents takes, which
  /// finds them inside of others.
  public static let renderedDepthMax = 100

  private let root: JSONView
  /// All references in it.
  public let references: [Reference]

  /// Reads a template. Faults name the reference that is malformed.
  public init(_ view: JSONView) throws(TemplateError) {
    root = view
    var found: [Reference] = []
    try Template.collect(view, depth: 0, into: &found)
    references = found
  }

  /// Fills the holes. Throws what `lookup` throws, and `TemplateError` when the result is larger than `bytesMax`: as
  /// soon as that is known, never after it was built.
  public func render(bytesMax: Int, _ lookup: Lookup) throws -> [UInt8] {
    var writer = JSONWriter()
    var budget = RenderBudget(bytesMax: bytesMax)
    try write(root, depth: 0, to: &writer, &budget, lookup)
    return writer.bytes
  }

  private static func collect(_ view: JSONView, depth: Int, into found: inout [Reference]) throws(TemplateError) {
    guard depth < depthMax else { throw TemplateError("The template is nested too deeply.") }
    switch view.kind {
    case .object:
      if literal(view) != nil { return }
      if let text = referenceText(view) {
        guard let reference = text.string.flatMap({ Reference($0) }) else {
          throw TemplateError("\(text.string ?? "$ref") is not a reference such as input.title or steps.plan.output.")
        }
        found.append(reference)
        return
      }
      for (_, value) in view.members { try collect(value, depth: depth + 1, into: &found) }
    case .array: for element in view.elements { try collect(element, depth: depth + 1, into: &found) }
    case .string: for case .reference(let reference, _) in try parts(of: view.string ?? "") { found.append(reference) }
    default: break
    }
  }

  private func write(
    _ view: JSONView, depth: Int, to writer: inout JSONWriter, _ budget: inout RenderBudget, _ lookup: Lookup
  ) throws {
    switch view.kind {
    case .object:
      if let literal = Template.literal(view) { return try raw(literal, depth: depth, to: &writer, &budget) }
      if let text = Template.referenceText(view)?.string, let reference = Reference(text) {
        guard let value = try lookup(reference) else { return writer.null() }
        return try raw(value, depth: depth, to: &writer, &budget)
      }
      writer.beginObject()
      for (key, value) in view.members {
        try budget.spend(key.rawBytes.count + 2)
        writer.key(key.string ?? "")
        try write(value, depth: depth + 1, to: &writer, &budget, lookup)
      }
      writer.endObject()
    case .array:
      writer.beginArray()
      for element in view.elements {
        try budget.spend(1)
        try write(element, depth: depth + 1, to: &writer, &budget, lookup)
      }
      writer.endArray()
    case .string: writer.string(try fill(view.string ?? "", &budget, lookup))
    default: try raw(view, depth: depth, to: &writer, &budget)
    }
  }

  private func raw(
    _ view: JSONView, depth: Int, to writer: inout JSONWriter, _ budget: inout RenderBudget
  ) throws {
    try budget.spend(view.rawBytes.count)
    let left = Template.renderedDepthMax - depth
    // So few bytes cannot nest so deeply.
    if view.rawBytes.count > 2 * left, !Template.nests(view.rawBytes, atMost: left) {
      throw TemplateError("The input of the step would be nested more than \(Template.renderedDepthMax) deep.")
    }
    writer.raw(view.rawBytes)
  }

  private func fill(_ text: String, _ budget: inout RenderBudget, _ lookup: Lookup) throws -> String {
    var filled = ""
    for part in try Template.parts(of: text) {
      let piece: String
      switch part {
      case .text(let text): piece = text
      case .reference(let reference, _):
        guard let value = try lookup(reference), !value.isNull else { continue }
        // What it is at least, before it is decoded.
        try budget.check(value.rawBytes.count / 6)
        piece = value.string ?? String(decoding: value.rawBytes, as: UTF8.self)
      }
      try budget.spend(Template.escapedCount(piece))
      filled += piece
    }
    return filled
  }

  /// Whether a JSON text has at most so many containers inside each other.
  private static func nests(_ text: some Sequence<UInt8>, atMost depthMax: Int) -> Bool {
    var depth = 0
    var (isInText, isEscaped) = (false, false)
    for byte in text {
      if isInText {
        if isEscaped {
          isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
          isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
          isInText = false
        }
        continue
      }
      switch byte {
      case UInt8(ascii: "\""): isInText = true
      case UInt8(ascii: "["), UInt8(ascii: "{"):
        depth += 1
        if depth > depthMax { return false }
      case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
      default: break
      }
    }
    return true
  }

  /// Bytes of a text within a JSON string.
  private static func escapedCount(_ text: String) -> Int {
    text.utf8.reduce(0) { sum, byte in
      switch byte {
      case 0..<0x20: sum + 6
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): sum + 2
      default: sum + 1
      }
    }
  }

  enum Part {
    case text(String)
    case reference(Reference, text: String)
  }

  static func parts(of text: String) throws(TemplateError) -> [Part] {
    var parts: [Part] = []
    var rest = text[...]
    while let start = rest.firstRange(of: "{{") {
      parts.append(.text(String(rest[..<start.lowerBound])))
      rest = rest[start.upperBound...]
      guard let end = rest.firstRange(of: "}}") else {
        throw TemplateError("A {{ has no }}; write {\"$literal\": ...} around text that is to stay as it is.")
      }
      let name = rest[..<end.lowerBound].split(separator: " ").joined(separator: " ")
      guard let reference = Reference(name) else {
        throw TemplateError("{{\(name.prefix(100))}} is not a reference such as {{input.title}}.")
      }
      parts.append(.reference(reference, text: name))
      rest = rest[end.upperBound...]
    }
    parts.append(.text(String(rest)))
    return parts
  }

  private static func literal(_ view: JSONView) -> JSONView? { view.count == 1 ? view["$literal"] : nil }
  private static func referenceText(_ view: JSONView) -> JSONView? { view.count == 1 ? view["$ref"] : nil }
}

/// What a template may still give.
struct RenderBudget {
  private let bytesMax: Int
  private var left: Int

  init(bytesMax: Int) {
    self.bytesMax = bytesMax
    left = bytesMax
  }

  /// Takes what is about to be written. Throws when there is not so much left.
  mutating func spend(_ bytes: Int) throws(TemplateError) {
    try check(bytes)
    left -= bytes
  }

  func check(_ bytes: Int) throws(TemplateError) {
    guard bytes <= left else {
      throw TemplateError("The input of the step would be larger than \(bytesMax) bytes.")
    }
  }
}

/// A template is malformed, or what it gives is too large.
public struct TemplateError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A sentence for the author of the workflow.
  public let description: String

  init(_ description: String) { self.description = description }
}
