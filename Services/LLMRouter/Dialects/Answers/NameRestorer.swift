internal import JSON

/// A change of some bytes of a text.
struct Splice: Sendable {
  let range: Range<Int>
  let bytes: [UInt8]

  /// A member `model` of an object that has none or an empty one.
  static func model(of root: JSONView, _ name: String) -> Splice {
    var writer = JSONWriter()
    writer.string(name)
    if let value = root["model"] { return Splice(range: value.rawBytes.indices, bytes: writer.bytes) }
    let start = root.rawBytes.startIndex + 1
    let comma = root.count > 0 ? [UInt8(ascii: ",")] : []
    return Splice(range: start..<start, bytes: Array("\"model\":".utf8) + writer.bytes + comma)
  }

  /// The text with its changes, which do not overlap.
  static func apply(_ edits: [Splice], to bytes: [UInt8]) -> [UInt8] {
    guard !edits.isEmpty else { return bytes }
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count + 256)
    var at = 0
    for edit in edits.sorted(by: { $0.range.lowerBound < $1.range.lowerBound })
    where edit.range.lowerBound >= at && edit.range.upperBound <= bytes.count {
      result += bytes[at..<edit.range.lowerBound]
      result += edit.bytes
      at = edit.range.upperBound
    }
    return result + bytes[at...]
  }
}

/// Puts the caller's names for tools in the place of those that its provider was given, in answers of the caller's own
/// dialect.
struct NameRestorer {
  private let names: NameMap

  init(_ names: NameMap) { self.names = names }

  /// The changes in an answer or event.
  func edits(in root: JSONView, _ dialect: Dialect) -> [Splice] {
    guard !names.isEmpty else { return [] }
    var edits: [Splice] = []
    switch dialect {
    case .completions, .embeddings: return []
    case .chat:
      for choice in root["choices"]?.elements.map({ $0 }) ?? [] {
        guard let message = choice.present("message") ?? choice.present("delta") else { continue }
        for call in message["tool_calls"]?.elements.map({ $0 }) ?? [] {
          add((call.present("function") ?? call)["name"], &edits)
        }
        add(message["function_call"]?["name"], &edits)
      }
    case .messages:
      add(root["content_block"]?["name"], &edits)
      for block in root["content"]?.elements.map({ $0 }) ?? [] where block["type"]?.string == "tool_use" {
        add(block["name"], &edits)
      }
    case .responses:
      let lists = [root["output"], root["response"]?["output"]]
      for item in lists.compactMap({ $0 }).flatMap({ $0.elements.map { $0 } }) + [root["item"]].compactMap({ $0 }) {
        guard item["type"]?.string == "function_call" else { continue }
        add(item["name"], &edits)
      }
      add(root["type"]?.string == "response.function_call_arguments.done" ? root["name"] : nil, &edits)
    }
    return edits
  }

  private func add(_ name: JSONView?, _ edits: inout [Splice]) {
    guard let name, let known = name.string, let tool = names.original(known), tool.name != known else { return }
    var writer = JSONWriter()
    writer.string(tool.name)
    edits.append(Splice(range: name.rawBytes.indices, bytes: writer.bytes))
  }
}
