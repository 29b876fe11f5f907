internal import Contracts
internal import HTTP
internal import HTTPWire
internal import Telemetry

/// What is checked of a request at `/mcp` before its body is read, besides the key of the caller.
struct RequestGuard: Sendable {
  let allowedOrigins: Set<String>
  let logger: Logger

  init(allowedOrigins: [String], logger: Logger) {
    self.allowedOrigins = Set(allowedOrigins.map { $0.lowercased() })
    self.logger = logger
  }

  /// A page of another site must not use the browser of somebody who can reach this server, not even by a host name
  /// that leads here. Throws a 403 `Problem`.
  func checkOrigin(_ headers: HTTPHeaders) throws(Problem) {
    for origin in headers.values(of: .origin) where !allowedOrigins.contains(origin.lowercased()) {
      logger.warning(
        "a web page of another origin was refused at /mcp", ["origin": .string(String(origin.prefix(200)))])
      throw Problem(.originRefused)
    }
  }

  /// Throws a 415 `Problem` for what is no JSON.
  func checkContentType(_ headers: HTTPHeaders) throws(Problem) {
    let type = headers[.contentType] ?? ""
    guard RequestGuard.media(type[...]) == "application/json" else { throw Problem(.unsupportedMediaType) }
  }

  /// Whether the answer may be a stream of events. Throws a 406 `Problem` when it may not even be JSON.
  func takesStream(_ headers: HTTPHeaders) throws(Problem) -> Bool {
    let fields = headers.values(of: .accept)
    if fields.isEmpty { return false }
    let accepted = Set(fields.flatMap { $0.split(separator: ",").map(RequestGuard.media) })
    let takesAll = accepted.contains("*/*")
    guard takesAll || accepted.contains("application/json") || accepted.contains("application/*") else {
      throw Problem(.notAcceptable)
    }
    return takesAll || accepted.contains("text/event-stream") || accepted.contains("text/*")
  }

  private static func media(_ text: Substring) -> String {
    (text.split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false).first ?? "").lowercased()
      .filter { $0 != " " && $0 != "\t" }
  }
}
