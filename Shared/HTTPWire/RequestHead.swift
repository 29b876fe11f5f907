/// The head of a request: start line and fields.
///
/// Cheap to make and to move: the bytes of the head and the index of its fields are its only allocations, and strings
/// are made when they are asked for.
public struct RequestHead: Sendable {
  /// The method.
  public let method: HTTPMethod
  /// The version of the sender.
  public let version: HTTPVersion
  /// How the end of the body is found; never `untilClose`.
  public let framing: BodyFraming
  /// Whether the sender wants to use the connection again.
  public let keepAlive: Bool
  /// Whether the sender waits for `100 Continue` before it sends the body.
  public let expectsContinue: Bool
  /// The fields.
  public let headers: HTTPHeaders

  let methodLength: UInt16
  let targetStart: UInt32
  let targetLength: UInt32
  let pathStart: UInt32
  let pathLength: UInt32
  /// The query starts behind the path and its question mark.
  let queryLength: UInt32
  let hasQuery: Bool
  let hostStart: UInt32
  let hostLength: UInt32
  let hasHost: Bool
}

extension RequestHead {
  /// The name of the method as it was sent.
  public var methodName: String { string(0, UInt32(methodLength)) }

  /// The path, still percent-encoded, without the query; `*` for the asterisk form; never empty.
  public var path: String { pathLength == 0 ? "/" : string(pathStart, pathLength) }

  /// What follows the first question mark, still percent-encoded; nil without one.
  public var query: String? { hasQuery ? string(pathStart + pathLength + 1, queryLength) : nil }

  /// The request target as it was sent.
  public var target: String { string(targetStart, targetLength) }

  /// Host and port: of an absolute target, else of the Host field; nil only for HTTP/1.0 without either.
  public var host: String? { hasHost ? string(hostStart, hostLength) : nil }

  /// Runs `body` with the bytes of the path; valid during the call only.
  public func withPathBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    if pathLength == 0 {
      let slash: StaticString = "/"
      return try body(UnsafeRawBufferPointer(start: slash.utf8Start, count: 1))
    }
    return try with(pathStart, pathLength, body)
  }

  /// Runs `body` with the bytes of the request target as they were sent; valid during the call only.
  public func withTargetBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try with(targetStart, targetLength, body)
  }

  private func with<R>(
    _ start: UInt32, _ length: UInt32, _ body: (UnsafeRawBufferPointer) throws -> R
  ) rethrows -> R {
    try headers.bytes.withUnsafeBytes {
      try body(UnsafeRawBufferPointer(rebasing: $0[Int(start)..<Int(start) + Int(length)]))
    }
  }

  private func string(_ start: UInt32, _ length: UInt32) -> String {
    with(start, length) { String(decoding: $0, as: UTF8.self) }
  }
}

extension RequestHead: CustomStringConvertible {
  /// Method and path; never the query or fields, which may hold secrets.
  public var description: String { "\(methodName) \(path)" }
}
