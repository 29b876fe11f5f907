package import HTTP
internal import HTTPWire
internal import Primitives
internal import SystemSources

/// Asks issuers and identity providers. Addresses come from the configuration, or from the discovery document of a
/// configured issuer; redirects are not followed.
package struct IssuerClient: Sendable {
  /// Time for a whole answer.
  static let timeout = Duration.seconds(10)

  /// Why an answer is not used.
  enum Failure: Error {
    case status(Int)
    case malformed
  }

  private let client: HTTPClient
  private let metrics: SignInMetrics

  package init(_ client: HTTPClient, metrics: SignInMetrics) {
    self.client = client
    self.metrics = metrics
  }

  /// Fetches a document and reads it with `read`.
  func fetch<Value>(
    _ document: String, from url: HTTPURL, bytesMax: Int, _ read: ([UInt8]) -> Value?
  ) async throws -> Value {
    do {
      var headers = HTTPHeaders()
      headers.append(.accept, "application/json")
      let bytes = try await answer(HTTPClientRequest(.get, url, headers: headers), bytesMax: bytesMax)
      guard let value = read(bytes) else { throw Failure.malformed }
      metrics.fetched(document, true)
      return value
    } catch {
      metrics.fetched(document, false)
      throw error
    }
  }

  /// Sends a form and returns the bytes of the answer.
  func post(
    _ document: String, form: [(String, String)], authorization: String?, to url: HTTPURL, bytesMax: Int
  ) async throws -> [UInt8] {
    var headers = HTTPHeaders()
    headers.append(.accept, "application/json")
    headers.append(.contentType, "application/x-www-form-urlencoded")
    if let authorization { headers.append(.authorization, authorization) }
    let text = form.map { "\($0.0)=\(PercentEncoding.encode($0.1))" }.joined(separator: "&")
    do {
      let bytes = try await answer(
        HTTPClientRequest(.post, url, headers: headers, body: .bytes(Array(text.utf8))), bytesMax: bytesMax)
      metrics.fetched(document, true)
      return bytes
    } catch {
      metrics.fetched(document, false)
      throw error
    }
  }

  private func answer(_ request: HTTPClientRequest, bytesMax: Int) async throws -> [UInt8] {
    var request = request
    request.timeout = IssuerClient.timeout
    request.connectTimeout = IssuerClient.timeout
    let deadline = MonotonicClock.now() &+ UInt64(clamping: IssuerClient.timeout.nanoseconds)
    let answer = try await client.send(request, peer: "identity_provider")
    guard answer.status == .ok else { throw Failure.status(Int(answer.status.code)) }
    return try await answer.body.collect(upTo: bytesMax, before: deadline)
  }
}
