internal import HTTP
internal import HTTPWire
internal import JSON

/// An answer as it is kept.
struct KeptAnswer: Sendable, Equatable {
  /// Largest body, in bytes.
  static let bodyBytesMax = 256 << 10
  private static let headerBytesMax = 8 << 10

  /// Fields that are kept: what the answer is and where its subject is found. Cookies and what belongs to one exchange
  /// are not.
  private static let keptFields: [HTTPFieldName] = [
    .contentType, .location, .eTag, .lastModified, .link, .cacheControl, .retryAfter,
  ]

  let status: Int
  /// A JSON array of names and values in turn.
  let headers: [UInt8]
  let body: [UInt8]

  init(status: Int, headers: [UInt8], body: [UInt8]) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// `nil` for an answer that cannot be kept: it is a stream, too large, or secret (`no-store`, a cookie). Problems are
  /// never secret.
  init?(_ answer: HTTPResponse) {
    switch answer.body {
    case .empty: body = []
    case .bytes(let bytes):
      guard bytes.count <= KeptAnswer.bodyBytesMax else { return nil }
      body = bytes
    case .stream, .upgrade: return nil
    }
    let isSecret =
      answer.headers.contains(.setCookie)
      || (answer.status.isSuccess && !body.isEmpty && answer.headers.contains(token: "no-store", in: .cacheControl))
    guard !isSecret else { return nil }
    var writer = JSONWriter()
    writer.beginArray()
    for name in KeptAnswer.keptFields {
      for value in answer.headers.values(of: name) {
        writer.string("\(name.text)")
        writer.string(value)
      }
    }
    writer.endArray()
    guard writer.bytes.count <= KeptAnswer.headerBytesMax else { return nil }
    headers = writer.bytes
    status = Int(answer.status.code)
  }

  /// The answer once more.
  var response: HTTPResponse {
    var response = HTTPResponse(HTTPStatus(code: status), body: body.isEmpty ? .empty : .bytes(body))
    if let document = try? JSONDocument(parsing: headers) {
      let texts = document.root.elements.map { $0.string ?? "" }
      for place in stride(from: 0, to: texts.count - 1, by: 2) {
        response.headers.append(texts[place], texts[place + 1])
      }
    }
    response.headers.append("idempotent-replayed", "true")
    return response
  }
}
