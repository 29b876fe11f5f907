internal import ContentCoding
internal import HTTPWire

/// Compresses whole answers for clients that take it. Streams go out as they are: an event must not wait in a buffer.
///
/// Compression reveals through the length of an answer whether a text that the client can choose occurs beside a secret
/// (BREACH). So answers that set cookies, and those marked `no-store` (new keys, problems), are never compressed.
public struct ResponseCompression: Sendable {
  private let bytesMin: Int

  /// Compresses content of at least `bytesMin` bytes and at most `ContentEncoder.contentBytesMax`.
  public init(bytesMin: Int = 1024) { self.bytesMin = bytesMin }

  func compress(_ answer: inout HTTPResponse, to head: RequestHead) {
    guard case .bytes(let content) = answer.body, content.count >= bytesMin,
      content.count <= ContentEncoder.contentBytesMax, answer.status == .ok || answer.status == .created,
      ResponseCompression.isCompressible(answer.headers)
    else { return }
    answer.headers.append(.vary, "accept-encoding")
    // What a HEAD would say of the length must be what a GET says, and partial answers count bytes as they are.
    guard !head.headers.contains(.range), head.headers.contains(.acceptEncoding),
      let coding = AcceptedCoding.best(head.headers.values(of: .acceptEncoding)),
      let coded = ContentEncoder.encode(content, coding)
    else { return }
    answer.headers.append(.contentEncoding, coding == .zstd ? "zstd" : "gzip")
    answer.headers.remove(.contentLength)
    answer.body = .bytes(coded)
  }

  private static func isCompressible(_ headers: HTTPHeaders) -> Bool {
    // A strong validator names these very bytes; a changed answer would need another.
    guard !headers.contains(.contentEncoding), !headers.contains(.setCookie), !headers.contains(.eTag),
      !headers.contains(token: "no-store", in: .cacheControl),
      !headers.contains(token: "no-transform", in: .cacheControl)
    else { return false }
    return headers.withValue(of: .contentType) { value in
      let media = String(decoding: value.prefix { $0 != UInt8(ascii: ";") }, as: UTF8.self).lowercased()
      if media == "text/event-stream" { return false }
      return media.hasPrefix("text/") || media.hasPrefix("application/json") || media.hasSuffix("+json")
        || media == "application/javascript" || media == "image/svg+xml"
    } ?? false
  }
}
