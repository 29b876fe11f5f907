extension HTTPHeaders {
  /// Adds a field at the end. False, and nothing is added, when the name is not a token; see the type for values.
  @discardableResult
  public mutating func append(_ name: String, _ value: String) -> Bool {
    withUTF8(name) { name in withUTF8(value) { append(name, UnsafeRawBufferPointer($0)) } }
  }

  /// Adds a field at the end. False, and nothing is added, when the name is not a token; see the type for values.
  @discardableResult
  public mutating func append(_ name: HTTPFieldName, _ value: String) -> Bool {
    withUTF8(value) { append(name.buffer, UnsafeRawBufferPointer($0)) }
  }

  /// Adds a field whose value is a decimal number.
  @discardableResult
  public mutating func append(_ name: HTTPFieldName, _ value: UInt64) -> Bool {
    var digits: [UInt8] = []
    digits.appendDecimal(value)
    return digits.withUnsafeBytes { append(name.buffer, $0) }
  }

  /// Adds all fields of another message at the end, in their order.
  public mutating func append(contentsOf other: HTTPHeaders) {
    guard !other.isEmpty else { return }
    reserve(count: other.count, bytes: other.records.reduce(0) { $0 + Int($1.nameLength) + Int($1.valueLength) + 4 })
    other.forEachRaw { append(rawName: $0, rawValue: $1) }
  }

  /// Makes room for so many more fields with so many bytes, the separators included.
  private mutating func reserve(count more: Int, bytes moreBytes: Int) {
    records.reserveCapacity(records.count + more)
    bytes.reserveCapacity(bytes.count + moreBytes)
  }

  /// Adds a field from bytes, as `forEachRaw` hands them out.
  @discardableResult
  public mutating func append(rawName name: UnsafeRawBufferPointer, rawValue value: UnsafeRawBufferPointer) -> Bool {
    name.withMemoryRebound(to: UInt8.self) { append($0, value) }
  }

  /// Replaces all fields of that name by one, which stands at the end.
  public mutating func set(_ name: String, _ value: String) {
    remove(name)
    append(name, value)
  }

  /// Replaces all fields of that name by one, which stands at the end.
  public mutating func set(_ name: HTTPFieldName, _ value: String) {
    remove(name)
    append(name, value)
  }

  /// Removes all fields of that name.
  public mutating func remove(_ name: String) {
    withUTF8(name) { remove($0) }
  }

  /// Removes all fields of that name.
  public mutating func remove(_ name: HTTPFieldName) { remove(name.buffer) }

  /// Removes what belongs to one connection and must not be forwarded (RFC 9110, section 7.6.1): `Connection` and the
  /// fields it names, `Keep-Alive`, `Proxy-Connection`, `TE`, `Trailer`, `Transfer-Encoding`, `Upgrade`.
  ///
  /// `Host`, `Content-Length` and `Authorization` stay even when `Connection` names them: a sender must not be able to
  /// strip them between two servers. Add own fields (forwarding, identity) after this call.
  public mutating func removeHopByHop() {
    var listed: [[UInt8]] = []
    bytes.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      for record in records where record.kind == .connection {
        forEachListElement(base + Int(record.valueStart), Int(record.valueLength)) { element, count in
          if equalIgnoringCase(element, count, "host") || equalIgnoringCase(element, count, "content-length")
            || equalIgnoringCase(element, count, "authorization") || equalIgnoringCase(element, count, "close")
            || equalIgnoringCase(element, count, "keep-alive")
          {
            return
          }
          listed.append(Array(UnsafeBufferPointer(start: element, count: count)))
        }
      }
    }
    for name in listed { name.withUnsafeBufferPointer { remove($0) } }
    records.removeAll { $0.kind.isHopByHop }
  }

  private mutating func remove(_ name: UnsafeBufferPointer<UInt8>) {
    guard let first = index(of: name, from: 0) else { return }
    var kept = first
    bytes.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      for i in first..<records.count where !Self.matches(records[i], name, base) {
        records[kept] = records[i]
        kept += 1
      }
    }
    records.removeLast(records.count - kept)
  }

  mutating func append(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeRawBufferPointer) -> Bool {
    guard let nameBase = name.baseAddress, !name.isEmpty, name.count <= Self.nameBytesMax,
      value.count < Int(UInt32.max) - Self.nameBytesMax - bytes.count,
      name.allSatisfy({ ByteSet.token.contains($0) })
    else { return false }
    let start = bytes.count
    bytes.append(contentsOf: name)
    bytes.append(": ")
    let valueStart = bytes.count
    bytes.append(contentsOf: value)
    let end = bytes.count
    bytes.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      var i = firstControl(base, valueStart, end)
      while i < end {
        base[i] = ASCII.space
        i = firstControl(base, i + 1, end)
      }
    }
    bytes.append("\r\n")
    records.append(
      Record(
        nameStart: UInt32(truncatingIfNeeded: start), valueStart: UInt32(truncatingIfNeeded: valueStart),
        valueLength: UInt32(truncatingIfNeeded: value.count), nameLength: UInt16(truncatingIfNeeded: name.count),
        kind: FieldKind(nameBase, name.count)))
    return true
  }
}
