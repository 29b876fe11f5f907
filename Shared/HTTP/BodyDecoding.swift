internal import ContentCoding
internal import Contracts
internal import HTTPWire

/// How the content of a request body is got out of its bytes.
enum BodyDecoding {
  /// As it is.
  case none
  /// By undoing its content codings.
  case decoder(ContentDecoder)
  /// Not at all: the request is answered with this.
  indirect case refused(Problem)

  init(_ headers: HTTPHeaders, bytesMax: Int) {
    var value = ""
    headers.forEach { name, part in
      if name.lowercased() == "content-encoding" { value += (value.isEmpty ? "" : ",") + part }
    }
    do {
      let codings = try ContentCoding.list(value)
      self = codings.isEmpty ? .none : .decoder(try ContentDecoder(codings, bytesMax: bytesMax))
    } catch {
      self = .refused(Problem(error, bytesMax: bytesMax))
    }
  }
}

extension Problem {
  init(_ error: ContentCodingError, bytesMax: Int) {
    switch error {
    case .unknown(let name):
      self = .unsupportedCoding("The Content-Encoding \"\(name)\" is not supported here")
    case .tooManyLayers:
      self = .unsupportedCoding("The Content-Encoding names more than \(ContentCoding.layersMax) codings")
    case .malformed(let coding):
      self.init(
        .badRequest, code: "malformed_content", "The body is not \(coding), as its Content-Encoding header says it is.")
    case .cutShort(let coding):
      self.init(.badRequest, code: "malformed_content", "The body ends in the midst of its \(coding) coding.")
    case .tooLarge:
      self.init(
        .contentTooLarge, code: "body_too_large",
        "The body is larger than \(bytesMax) bytes when it is unpacked, the limit of this address.")
    case .noMemory:
      self.init(
        .serviceUnavailable, code: "overloaded", "There is no memory to unpack the body; try again shortly.",
        retryAfterSeconds: 1)
    }
  }

  /// 415 with the codings that would be understood (RFC 9110, section 15.5.16).
  private static func unsupportedCoding(_ what: String) -> Problem {
    var headers = HTTPHeaders()
    headers.append(.acceptEncoding, ContentCoding.accepted)
    return Problem(
      .unsupportedContentEncoding, "\(what); send the body as gzip, deflate, zstd or without the header.",
      headers: headers)
  }
}
