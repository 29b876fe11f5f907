/// A request method (RFC 9110, section 9). Trivial: one byte, never an allocation.
///
/// The name of an extension method stays in the bytes of its `RequestHead` (`methodName`).
public enum HTTPMethod: UInt8, Sendable, Hashable, CaseIterable {
  /// `GET`
  case get
  /// `HEAD`
  case head
  /// `POST`
  case post
  /// `PUT`
  case put
  /// `PATCH` (RFC 5789)
  case patch
  /// `DELETE`
  case delete
  /// `OPTIONS`
  case options
  /// `CONNECT`; the request parser refuses it with 501.
  case connect
  /// `TRACE`; the request parser refuses it with 405.
  case trace
  /// Any other valid token.
  case other

  /// The name on the wire; empty for `other`.
  public var name: StaticString {
    switch self {
    case .get: "GET"
    case .head: "HEAD"
    case .post: "POST"
    case .put: "PUT"
    case .patch: "PATCH"
    case .delete: "DELETE"
    case .options: "OPTIONS"
    case .connect: "CONNECT"
    case .trace: "TRACE"
    case .other: ""
    }
  }

  /// The method of that exact (case-sensitive) name; `other` when it is not one of the standard ones.
  public init(name: String) {
    let method = name.utf8.withContiguousStorageIfAvailable { buffer -> HTTPMethod in
      guard let base = buffer.baseAddress else { return .other }
      return HTTPMethod(bytes: base, count: buffer.count)
    }
    self = method ?? .other
  }

  @inline(__always)
  init(bytes: UnsafePointer<UInt8>, count: Int) {
    switch (count, bytes[0]) {
    case (3, 0x47): self = matches(bytes, "GET") ? .get : .other
    case (4, 0x50): self = matches(bytes, "POST") ? .post : .other
    case (4, 0x48): self = matches(bytes, "HEAD") ? .head : .other
    case (3, 0x50): self = matches(bytes, "PUT") ? .put : .other
    case (5, 0x50): self = matches(bytes, "PATCH") ? .patch : .other
    case (6, 0x44): self = matches(bytes, "DELETE") ? .delete : .other
    case (7, 0x4F): self = matches(bytes, "OPTIONS") ? .options : .other
    case (7, 0x43): self = matches(bytes, "CONNECT") ? .connect : .other
    case (5, 0x54): self = matches(bytes, "TRACE") ? .trace : .other
    default: self = .other
    }
  }
}

extension HTTPMethod: CustomStringConvertible {
  /// The name on the wire, `OTHER` for an extension method.
  public var description: String { self == .other ? "OTHER" : "\(name)" }
}

/// Whether the bytes start with the literal. The caller has checked that there are enough of them.
@inline(__always)
func matches(_ bytes: UnsafePointer<UInt8>, _ literal: StaticString) -> Bool {
  let expected = literal.utf8Start
  for i in 0..<literal.utf8CodeUnitCount where bytes[i] != expected[i] { return false }
  return true
}
