internal import HTTPWire

/// Undoes the content codings of a request body.
final class ContentDecoder {
  private let bytesMax: Int

  init(_ headers: HTTPHeaders, bytesMax: Int) { self.bytesMax = bytesMax }
  var isDrained: Bool { true }
  func feed(_ bytes: [UInt8]) throws(Problem) {}
  func next() throws(Problem) -> [UInt8]? { nil }
  func finish() throws(Problem) {}
}
