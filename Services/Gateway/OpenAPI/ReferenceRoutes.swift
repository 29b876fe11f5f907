internal import Contracts
internal import Crypto
package import GatewayRequests
package import HTTP
internal import HTTPWire
internal import Primitives
internal import Synchronization

/// `/openapi.json` and `/reference`: the description of the API, for programs and for people. Both are public.
package struct ReferenceRoutes: Sendable {
  private let pipeline: RequestPipeline
  private let documents: ReferenceDocuments

  /// Makes them for an installation of this version.
  package init(pipeline: RequestPipeline, version: String) {
    self.pipeline = pipeline
    documents = ReferenceDocuments(version: version)
  }

  /// Adds them.
  package func add(to router: inout Router) {
    for route in Routes.reference {
      pipeline.add(route, to: &router) { [documents] request, _ in
        let name = request.parameters["file"] ?? request.head.path
        guard let document = documents.document(name) else { throw Problem(.noSuchAddress) }
        return document.answer(to: request)
      }
    }
  }
}

/// What is served, made once when it is first asked for.
final class ReferenceDocuments: Sendable {
  struct Document: Sendable {
    let bytes: [UInt8]
    let mediaType: String
    let tag: String

    init(_ bytes: [UInt8], _ mediaType: String) {
      self.bytes = bytes
      self.mediaType = mediaType
      tag = "\"\(Hex.encode(Digest.sha256(bytes).prefix(16)))\""
    }

    func answer(to request: HTTPRequest) -> HTTPResponse {
      let isKnown = request.headers.values(of: "if-none-match").contains { $0 == "*" || $0.contains(tag) }
      var response = HTTPResponse(isKnown ? .notModified : .ok, body: isKnown ? .empty : .bytes(bytes))
      response.headers.append(.eTag, tag)
      response.headers.append(.cacheControl, "no-cache")
      guard !isKnown else { return response }
      response.headers.append(.contentType, mediaType)
      response.headers.append(.xContentTypeOptions, "nosniff")
      response.headers.append(.contentSecurityPolicy, ReferencePage.contentSecurityPolicy)
      response.headers.append("referrer-policy", "no-referrer")
      return response
    }
  }

  private let version: String
  private let made: Mutex<[String: Document]?> = Mutex(nil)

  init(version: String) { self.version = version }

  func document(_ name: String) -> Document? {
    made.withLock { made in
      let known = made ?? make()
      made = known
      return known[name]
    }
  }

  private func make() -> [String: Document] {
    let document = OpenAPIDocument(version: version)
    return [
      "/openapi.json": Document(document.bytes, "application/json"),
      "/reference": Document(Array(ReferencePage(document).html.utf8), "text/html; charset=utf-8"),
      "reference.css": Document(Array(ReferencePage.style.utf8), "text/css; charset=utf-8"),
      "reference.js": Document(Array(ReferencePage.script.utf8), "text/javascript; charset=utf-8"),
    ]
  }
}
