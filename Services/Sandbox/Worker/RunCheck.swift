import JSON
import SandboxProtocol

/// What a request must be before the engine sees it.
enum RunCheck {
  /// Nesting and count of values of the arguments.
  static let argumentLimits = JSONLimits(depthMax: 64, bytesMax: RunRequest.argumentBytesMax, nodesMax: 200_000)

  /// Why it is refused.
  static func refusal(of request: RunRequest) -> String? {
    // The engine ends the process for texts that are no UTF-8.
    guard String(validating: request.source, as: UTF8.self) != nil else { return "the program is no UTF-8" }
    guard (try? JSONDocument(parsing: request.arguments, limits: argumentLimits)) != nil else {
      return "the arguments are no JSON"
    }
    guard request.runtime == .wasm || request.module == nil else { return "only wasm has a module" }
    return nil
  }

  /// Bytes of an unusable result that are shown.
  private static let shownBytesMax = 4096

  /// The result of a guest. What is not one JSON value within the limits is named, and its beginning shown as text.
  static func result(_ bytes: [UInt8]) -> [UInt8] {
    let limits = JSONLimits(depthMax: 64, bytesMax: bytes.count, nodesMax: 500_000, allowsDuplicateKeys: true)
    do throws(JSONError) {
      _ = try JSONDocument(parsing: bytes, limits: limits)
      return bytes
    } catch {
      var writer = JSONWriter()
      writer.beginObject()
      writer.key("unrepresentable")
      writer.beginObject()
      writer.member("type", "text")
      writer.member("reason", "it is no JSON value that the platform takes: \(error)")
      writer.member("text", String(decoding: bytes.prefix(shownBytesMax), as: UTF8.self))
      writer.endObject()
      writer.endObject()
      return writer.bytes
    }
  }
}
