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

  /// The result of a guest, when it is one JSON value within the limits.
  static func result(_ bytes: [UInt8]) -> [UInt8]? {
    let limits = JSONLimits(depthMax: 64, bytesMax: bytes.count, nodesMax: 500_000, allowsDuplicateKeys: true)
    return (try? JSONDocument(parsing: bytes, limits: limits)) == nil ? nil : bytes
  }
}
