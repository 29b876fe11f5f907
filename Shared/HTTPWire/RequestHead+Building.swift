extension RequestHead {
  /// A head made by hand, for handlers under test and for calls inside a process.
  ///
  /// Throws `invalidMethod` or `invalidTarget` when they could not be sent: an origin-form target (`/path?query`) is
  /// expected. `host` is the value of the Host field when `headers` has one.
  public init(
    method: HTTPMethod, target: String, headers: HTTPHeaders = HTTPHeaders(), framing: BodyFraming = .none,
    version: HTTPVersion = .http11, keepAlive: Bool = true
  ) throws(HTTPWireError) {
    guard method != .other else { throw HTTPWireError(.invalidMethod) }
    let text = Array(target.utf8)
    guard let path = originForm(text) else { throw HTTPWireError(.invalidTarget) }
    let name = method.name
    var storage = HTTPHeaders(reservingCount: headers.count + 2)
    storage.bytes.append(name)
    let start = UInt32(truncatingIfNeeded: storage.bytes.count)
    storage.bytes.append(contentsOf: text)
    headers.forEachRaw { storage.append(rawName: $0, rawValue: $1) }
    let host = storage.records.first { $0.kind == .host }
    self.method = method
    self.version = version
    self.framing = framing
    self.keepAlive = keepAlive
    expectsContinue = false
    methodLength = UInt16(truncatingIfNeeded: name.utf8CodeUnitCount)
    targetStart = start
    targetLength = UInt32(truncatingIfNeeded: text.count)
    pathStart = start
    pathLength = UInt32(truncatingIfNeeded: path)
    hasQuery = path < text.count
    queryLength = UInt32(truncatingIfNeeded: max(0, text.count - path - 1))
    hasHost = host != nil
    hostStart = host?.valueStart ?? 0
    hostLength = host?.valueLength ?? 0
    self.headers = storage
  }
}

/// The length of the path when the bytes are a valid origin-form target, or nil.
func originForm(_ target: [UInt8]) -> Int? {
  guard target.first == 0x2F, target.count <= 1 << 20 else { return nil }
  let path = target.firstIndex { !ByteSet.path.contains($0) } ?? target.count
  if path == target.count { return path }
  guard target[path] == 0x3F, target[(path + 1)...].allSatisfy({ ByteSet.query.contains($0) }) else { return nil }
  return path
}
