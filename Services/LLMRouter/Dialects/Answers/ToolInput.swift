internal import JSON

/// The arguments of a tool call for a dialect that demands a JSON object, written as they come. What a model wrote that
/// is no object is closed where it stands and stays visible under `_invalid_json`.
struct ToolInput: Sendable {
  /// The member that holds what a model wrote instead of an object.
  static let invalidKey = "_invalid_json"

  private var prefix = JSONPrefix()
  /// The place at the end of what was passed on, and the containers that are open there.
  private var place = JSONPrefix.Place.start
  private var stack: [Bool] = []
  /// All that came.
  private var whole = ""
  /// What came behind the last place where the object could be closed.
  private var held: [UInt8] = []

  init() {}

  /// Takes a fragment; what can be passed on. The one that completes the object waits for the end of the call, for
  /// what may come behind it.
  mutating func take(_ fragment: String) -> String {
    whole += fragment
    guard !prefix.isBroken else { return "" }
    if prefix.isComplete {
      prefix.feed(fragment)
      held += Array(fragment.utf8)
      return ""
    }
    let start = (place, stack, held)
    var passed: [UInt8] = []
    for byte in fragment.utf8 {
      prefix.feed(byte)
      held.append(byte)
      if prefix.isSafe {
        passed += held
        held = []
        place = prefix.place
      } else if prefix.isBroken {
        break
      }
    }
    guard !prefix.isComplete, !(prefix.isBroken && prefix.wasComplete) else {
      (place, stack, held) = start
      held += Array(fragment.utf8)
      return ""
    }
    stack = prefix.stack
    return String(decoding: passed, as: UTF8.self)
  }

  /// The call ends: what is missing to an object.
  mutating func finish() -> String {
    if prefix.isComplete { return String(decoding: held, as: UTF8.self) }
    if JSONPrefix.isBlank(whole) { return place == .start ? "{}" : "" }
    var closing: String
    var depth = stack.count
    switch place {
    case .start:
      closing = "{"
      depth = 1
    case .text: closing = "\""
    case .keyText: closing = "\":null"
    case .colon: closing = ":null"
    case .value: closing = "null"
    case .key: closing = depth == 1 ? "" : "\"\":null"
    case .firstKey, .firstElement, .next, .done, .broken: closing = ""
    }
    while depth > 1 {
      depth -= 1
      closing += stack[depth] ? "}" : "]"
    }
    let isFirst = stack.count <= 1 && (place == .start || place == .firstKey || place == .key)
    if !isFirst { closing += "," }
    var writer = JSONWriter()
    writer.string(whole)
    return closing + "\"\(ToolInput.invalidKey)\":" + String(decoding: writer.bytes, as: UTF8.self) + "}"
  }

  /// Complete arguments as a JSON object, digits as they came.
  static func object(_ arguments: String) -> String {
    var input = ToolInput()
    return input.take(arguments) + input.finish()
  }
}

extension JSONPrefix {
  /// Whether a text is empty or white space only.
  static func isBlank(_ text: String) -> Bool { text.utf8.allSatisfy(isSpace) }

  static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }
}
