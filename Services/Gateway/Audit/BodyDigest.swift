internal import Crypto
internal import HTTP
internal import Primitives

/// The digest of a body while it is read by whoever reads it.
///
/// `@unchecked Sendable`: confined to the loop of the request, as its body is.
final class BodyDigest: @unchecked Sendable {
  private let body: HTTPRequestBody
  private let request: UUID
  private var stream: SHA256Stream?

  /// Begins: the id of the request comes first, so that equal bodies have other digests.
  init(_ body: HTTPRequestBody, of request: UUID) {
    self.body = body
    self.request = request
    guard !body.isEnded else { return }
    body.observe { [weak self] piece in self?.add(piece) }
  }

  private func add(_ piece: ArraySlice<UInt8>) {
    if stream == nil {
      stream = SHA256Stream()
      stream?.update(request.bytes)
    }
    stream?.update(piece)
  }

  /// The digest of a body that was read to its end; empty for another, and for none.
  func finish() -> [UInt8] {
    guard body.isEnded, let stream = stream.take() else { return [] }
    return stream.finish()
  }
}
