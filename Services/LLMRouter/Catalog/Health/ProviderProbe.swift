package import HTTP
internal import HTTPWire

/// A health probe: a provider is asked for its models.
package struct ProviderProbe: Sendable {
  /// What a probe has found.
  package enum Outcome: Sendable, Equatable {
    /// It answers.
    case up
    /// It answers, but calls will fail: why.
    case impaired(String)
    /// It does not answer, or only with errors: how.
    case down(String)
  }

  private static let timeout = Duration.seconds(5)

  private let client: HTTPClient

  /// Probes by HTTP.
  package init(client: HTTPClient) { self.client = client }

  /// Asks a provider. Throws `CancellationError` only.
  package func run(_ provider: Provider) async throws -> Outcome {
    var headers = HTTPHeaders()
    if let key = provider.keys.first { provider.authorize(&headers, key: key) }
    if provider.kind == .anthropic { headers.append("anthropic-version", "2023-06-01") }
    do {
      let answer = try await client.send(
        HTTPClientRequest(
          .get, try provider.base.appending(path: "/models"), headers: headers, timeout: ProviderProbe.timeout,
          pauseMax: ProviderProbe.timeout), peer: "provider:\(provider.name)")
      // Dropping the body ends the exchange.
      return ProviderProbe.outcome(status: Int(answer.status.code))
    } catch let error as CancellationError {
      throw error
    } catch {
      return .down("cannot be reached")
    }
  }

  /// What a status means. Whoever answers is there, even if it has no list of models.
  package static func outcome(status: Int) -> Outcome {
    switch status {
    case 401, 403: .impaired("does not accept the key")
    case 500...: .down("answers \(status)")
    default: .up
    }
  }
}
