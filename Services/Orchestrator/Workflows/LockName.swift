internal import Crypto
public import Decider
internal import Primitives

/// The name of a lock, with holes: `repo:{{input.repo}}`. The values that it names are watched, so that the decider's
/// state alone gives the name.
public struct LockName: Sendable {
  /// Longest name as it is; a longer one, or one with control characters, is held by its digest.
  private static let bytesMax = 200

  private let parts: [Template.Part]

  /// Reads a name. Throws for a hole that is malformed, or whose value is not known when the step is queued.
  public init(_ text: String) throws(TemplateError) {
    parts = try Template.parts(of: text)
    for reference in references {
      switch reference.root {
      case .input, .output, .run, .index: break
      case .item, .parts, .failure:
        throw TemplateError("The name of a lock can use input, outputs of steps, run.id and index.")
      }
    }
  }

  /// What it refers to.
  public var references: [Reference] {
    parts.compactMap { part in
      if case .reference(let reference, _) = part { reference } else { nil }
    }
  }

  /// The references whose values have to be remembered, as they are written.
  var watched: [String] {
    parts.compactMap { part in
      guard case .reference(let reference, let text) = part else { return nil }
      switch reference.root {
      case .input, .output: return text
      default: return nil
      }
    }
  }

  /// The name for a step of a run: `facts` are the values that are remembered of it, `index` is the step's place in its
  /// fan-out.
  public func resolved(_ facts: [String: FactValue], run: String, index: Int?) -> String {
    var name = ""
    for part in parts {
      switch part {
      case .text(let text): name += text
      case .reference(let reference, let text):
        switch reference.root {
        case .run: name += run
        case .index: name += index.map { String($0) } ?? "null"
        default: name += LockName.text(facts[text] ?? .null)
        }
      }
    }
    guard name.utf8.count <= LockName.bytesMax, name.utf8.allSatisfy({ $0 >= 32 && $0 != 127 }) else {
      return "sha256:" + Hex.encode(Digest.sha256(Array(name.utf8)))
    }
    return name
  }

  private static func text(_ value: FactValue) -> String {
    switch value {
    case .null: "null"
    case .bool(let value): value ? "true" : "false"
    case .int(let value): String(value)
    case .double(let value): String(value)
    case .decimal(let text): text
    case .string(let value): value
    case .longString(let sha256): "sha256:\(sha256)"
    case .count(let count): "[\(count)]"
    case .members(let count): "{\(count)}"
    }
  }
}
