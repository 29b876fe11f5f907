internal import Contracts
package import HTTPWire
internal import JSON

/// Whose clients ask: it decides the shape of errors.
package enum ClientDialect: Sendable, Hashable {
  /// OpenAI's.
  case openAI
  /// Anthropic's.
  case anthropic

  /// The dialect of a request for models, also one that missed its address; `nil` for all other addresses.
  package init?(path: String, headers: HTTPHeaders) {
    guard ClientDialect.isForModels(path) else { return nil }
    let parts = path.split(separator: "/")
    if parts.contains("messages") || parts.contains("complete") {
      self = .anthropic
    } else if !parts.isDisjoint(with: ["chat", "responses", "embeddings", "completions"]) {
      self = .openAI
    } else {
      let isAnthropic =
        headers.contains("anthropic-version") || headers.contains("anthropic-beta")
        || (headers.contains(.xAPIKey) && !headers.contains(.authorization))
      self = isAnthropic ? .anthropic : .openAI
    }
  }

  /// The first words behind `/api/v1` of Cadre's own addresses.
  private static let ownAreas: Set<Substring> = Set(
    Routes.forwarded.compactMap { route in
      let parts = route.pattern.split(separator: "/")
      return parts.first == "api" && parts.count > 2 ? parts[2] : nil
    })

  private static func isForModels(_ path: String) -> Bool {
    let parts = path.split(separator: "/")
    if parts.first == "v1" || parts.first == "v1beta" { return true }
    if parts.first == "api", parts.count > 2, ownAreas.contains(parts[2]) { return false }
    return AddressAdvice.offeredSuffix(of: path) != nil || parts.first == "openai" || parts.first == "anthropic"
  }

  /// The body of an error.
  package func body(status: Int, code: String, message: String, requestID: String) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    if self == .anthropic { writer.member("type", "error") }
    writer.key("error")
    writer.beginObject()
    writer.member("type", kind(status))
    writer.member("message", message)
    if self == .openAI {
      writer.member("param", orNull: nil)
      writer.member("code", status == 401 ? "invalid_api_key" : code)
    }
    writer.endObject()
    if self == .anthropic { writer.member("request_id", requestID) }
    writer.endObject()
    return writer.bytes
  }

  private func kind(_ status: Int) -> String {
    switch (status, self) {
    case (401, _): "authentication_error"
    case (403, _): "permission_error"
    case (404, .anthropic): "not_found_error"
    case (413, .anthropic): "request_too_large"
    case (429, _): "rate_limit_error"
    case (504, .anthropic): "timeout_error"
    case (529, .anthropic): "overloaded_error"
    case (500..., .anthropic): "api_error"
    case (500..., .openAI): "server_error"
    default: "invalid_request_error"
    }
  }

  /// Whether it makes sense that a client asks again by itself. What is wrong with a request does not pass, and who has
  /// waited for the longest time would only wait, and perhaps pay, again.
  package static func shouldRetry(status: Int) -> Bool {
    switch status {
    case 408, 429, 500, 502, 503, 529: true
    default: false
    }
  }
}

extension [Substring] {
  fileprivate func isDisjoint(with others: Set<Substring>) -> Bool { !contains { others.contains($0) } }
}
