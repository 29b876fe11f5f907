internal import ContentCoding
internal import HTTPWire

extension HTTPClientResponse {
  /// The answer with its content codings undone; nothing is asked for them, but some servers and proxies compress
  /// unasked. A body that does not begin as its coding does, or has a coding of another name, is left as it is: some
  /// proxies unpack and keep the header. What comes out is bounded by `bytesMax`.
  public func decoded(upTo bytesMax: Int) -> HTTPClientResponse {
    guard let value = headers[.contentEncoding], let codings = try? ContentCoding.list(value), let last = codings.last,
      let decoder = try? ContentDecoder(codings, bytesMax: bytesMax)
    else { return self }
    return HTTPClientResponse(status: status, headers: headers, body: DecodedBody(body, last, decoder))
  }
}

/// Content that is unpacked as it is read.
///
/// `@unchecked Sendable`: like every body it has one reader at a time.
private final class DecodedBody: HTTPClientBody, @unchecked Sendable {
  private let body: any HTTPClientBody
  private let coding: ContentCoding
  private let decoder: ContentDecoder
  /// Nil until the first bytes have come.
  private var isCoded: Bool?
  private var isEnded = false

  init(_ body: any HTTPClientBody, _ coding: ContentCoding, _ decoder: ContentDecoder) {
    self.body = body
    self.coding = coding
    self.decoder = decoder
  }

  func next(before deadline: UInt64) async throws -> [UInt8]? {
    while isCoded != false {
      do throws(ContentCodingError) {
        if isCoded == true, let piece = try decoder.next() { return piece }
        if isEnded { return nil }
      } catch { throw DecodedBody.failure(error) }
      guard let bytes = try await body.next(before: deadline) else {
        isEnded = true
        guard isCoded == true else { return nil }
        do throws(ContentCodingError) { try decoder.finish() } catch { throw DecodedBody.failure(error) }
        continue
      }
      guard !bytes.isEmpty else { continue }
      if isCoded == nil {
        isCoded = begins(bytes)
        guard isCoded == true else { return bytes }
      }
      decoder.feed(bytes)
    }
    return try await body.next(before: deadline)
  }

  func abandon() { body.abandon() }

  /// Whether the first bytes are those of the coding.
  private func begins(_ bytes: [UInt8]) -> Bool {
    let sign: [UInt8] =
      switch coding {
      case .gzip: [0x1F, 0x8B]
      case .deflate: [0x78]
      case .zstd: [0x28, 0xB5, 0x2F, 0xFD]
      }
    return zip(bytes, sign).allSatisfy { $0 == $1 }
  }

  private static func failure(_ error: ContentCodingError) -> HTTPClientError {
    switch error {
    case .tooLarge: HTTPClientError(.bodyTooLarge)
    case .cutShort: HTTPClientError(.connectionLost, outcomeUnknown: true, reason: "the compressed content was cut")
    default: HTTPClientError(.protocolViolation, outcomeUnknown: true, reason: "the compressed content is malformed")
    }
  }
}
