internal import Crypto
public import Decider
public import JSON
internal import Primitives

/// The places whose values a workflow's conditions, fan-outs and locks need, by where they begin. Everything else of an
/// input or output stays out of the history.
public struct WatchedReferences: Sendable {
  private var byRoot: [Reference.Root: [(text: String, reference: Reference)]] = [:]

  /// The places that `workflow` watches.
  public init(_ workflow: Workflow) {
    var seen: Set<String> = []
    for step in workflow.steps {
      let locks = step.locks.flatMap { (try? LockName($0))?.watched ?? [] }
      for text in (step.condition?.references ?? []) + (step.fanOut.map { [$0.items] } ?? []) + locks {
        guard seen.insert(text).inserted, let reference = Reference(text) else { continue }
        byRoot[reference.root, default: []].append((text, reference))
      }
    }
  }

  /// The watched values of the run's input.
  public func facts(input: JSONView) -> [Fact] { facts(.input, input) }

  /// The watched values of what a step delivered.
  public func facts(output: JSONView, of step: String) -> [Fact] { facts(.output(step: step), output) }

  /// Whether anything of the step's output is watched.
  public func watches(_ step: String) -> Bool { byRoot[.output(step: step)] != nil }

  private func facts(_ root: Reference.Root, _ view: JSONView) -> [Fact] {
    (byRoot[root] ?? []).map { Fact($0.text, FactValue($0.reference.follow(from: view))) }
  }
}

extension FactValue {
  /// What is remembered of a value.
  public init(_ view: JSONView?) {
    guard let view else {
      self = .null
      return
    }
    switch view.kind {
    case .array: self = .count(view.count)
    case .object: self = .members(view.count)
    default: self = .scalar(view)
    }
  }

  private static func scalar(_ view: JSONView) -> FactValue {
    if let truth = view.bool { return .bool(truth) }
    if let number = view.int { return .int(number) }
    if view.kind == .number {
      let text = String(decoding: view.rawBytes, as: UTF8.self)
      guard text.utf8.count > FactValue.stringBytesMax else { return .number(text) }
      return .longString(sha256: Hex.encode(Digest.sha256(Array(text.utf8))))
    }
    guard let text = view.string else { return .null }
    // The history cannot hold U+0000; no literal has it either.
    if text.utf8.count <= FactValue.stringBytesMax, !text.utf8.contains(0) { return .string(text) }
    return .longString(sha256: Hex.encode(Digest.sha256(Array(text.utf8))))
  }
}

extension FactValue {
  /// Writes the value as JSON; long strings and counts as objects that say so.
  public func write(to writer: inout JSONWriter) {
    switch self {
    case .null: writer.null()
    case .bool(let value): writer.bool(value)
    case .int(let value): writer.int(value)
    case .double(let value): writer.double(value)
    case .decimal(let text): writer.raw(text.utf8)
    case .string(let value): writer.string(value)
    case .longString(let sha256):
      writer.beginObject()
      writer.member("sha256", sha256)
      writer.endObject()
    case .count(let count):
      writer.beginObject()
      writer.member("count", Int64(count))
      writer.endObject()
    case .members(let count):
      writer.beginObject()
      writer.member("members", Int64(count))
      writer.endObject()
    }
  }

  /// Reads what `write` wrote.
  public init(written view: JSONView) {
    if let sha256 = view["sha256"]?.string {
      self = .longString(sha256: sha256)
    } else if let count = view["count"]?.int {
      self = .count(Int(clamping: count))
    } else if let count = view["members"]?.int {
      self = .members(Int(clamping: count))
    } else {
      self = FactValue(view)
    }
  }
}
