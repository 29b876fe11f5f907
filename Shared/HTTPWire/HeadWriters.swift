/// Writes response heads.
public enum ResponseHeadWriter {
  /// Appends a complete head with its empty line.
  ///
  /// Framing and connection fields are written from `framing` and `keepAlive`; what `headers` says about them
  /// (`Content-Length`, `Transfer-Encoding`, `Connection`) is left out, so two answers can never stand beside each
  /// other. `Connection` tokens other than close, such as the one of an upgrade, are passed as `connection`.
  ///
  /// - Parameters:
  ///   - framing: `none` writes no framing field for 1xx, 204 and 304 and `Content-Length: 0` for others; with
  ///     `untilClose` the connection is announced to close.
  ///   - omitsFraming: writes no framing field at all: an answer to HEAD whose length is unknown.
  ///   - date: the ready value of a Date field, replacing one in `headers`; empty writes none.
  ///   - connection: an extra token for `Connection`, for example `upgrade`.
  public static func append(
    status: HTTPStatus, headers: HTTPHeaders = HTTPHeaders(), framing: BodyFraming, keepAlive: Bool = true,
    version: HTTPVersion = .http11, date: [UInt8] = [], connection: StaticString? = nil, omitsFraming: Bool = false,
    to output: inout [UInt8]
  ) {
    appendStatusLine(status, to: &output)
    appendFields(headers, skipsDate: !date.isEmpty, to: &output)
    if !date.isEmpty {
      output.append("date: ")
      appendValue(date, to: &output)
      output.append("\r\n")
    }
    if !omitsFraming { appendFraming(framing, status, to: &output) }
    if let connection {
      output.append("connection: ")
      output.append(connection)
      output.append("\r\n")
    } else if !keepAlive || framing == .untilClose {
      output.append("connection: close\r\n")
    } else if version == .http10 {
      output.append("connection: keep-alive\r\n")
    }
    output.append("\r\n")
  }

  /// Appends `HTTP/1.1 code reason CRLF`; the answer to an HTTP/1.0 request says 1.1 too (RFC 9110, section 2.5).
  public static func appendStatusLine(_ status: HTTPStatus, to output: inout [UInt8]) {
    if let line = status.statusLine {
      output.append(line)
      return
    }
    output.append("HTTP/1.1 ")
    output.appendDecimal(UInt64(status.code))
    output.append(" ")
    output.append(status.reason)
    output.append("\r\n")
  }

  /// Appends one field line, for heads written without `HTTPHeaders`. An invalid name appends nothing; control
  /// characters in the value become spaces.
  public static func appendField(_ name: HTTPFieldName, _ value: UnsafeRawBufferPointer, to output: inout [UInt8]) {
    guard name.buffer.count > 0, name.buffer.allSatisfy({ ByteSet.token.contains($0) }) else { return }
    output.append(contentsOf: name.buffer)
    output.append(": ")
    appendValue(value, to: &output)
    output.append("\r\n")
  }

  private static func appendFraming(_ framing: BodyFraming, _ status: HTTPStatus, to output: inout [UInt8]) {
    if status.code < 200 || status.code == 204 { return }
    switch framing {
    case .none: if status.code != 304 { output.append("content-length: 0\r\n") }
    case .length(let length):
      output.append("content-length: ")
      output.appendDecimal(length)
      output.append("\r\n")
    case .chunked: output.append("transfer-encoding: chunked\r\n")
    case .untilClose: break
    }
  }
}

/// Writes request heads for the client.
public enum RequestHeadWriter {
  /// Appends a complete head with its empty line.
  ///
  /// `target` is an origin-form target such as `HTTPURL.target`, or `*` for OPTIONS; anything else throws
  /// `invalidTarget`. `host` throws `invalidHost` when it is not `name[:port]`. Host, framing and connection fields are
  /// written from the arguments and left out of `headers`.
  /// `other` throws `invalidMethod`: the client sends only standard methods.
  public static func append(
    method: HTTPMethod, target: String, host: String, headers: HTTPHeaders = HTTPHeaders(), framing: BodyFraming,
    keepAlive: Bool = true, connection: StaticString? = nil, to output: inout [UInt8]
  ) throws(HTTPWireError) {
    guard method != .other, method != .connect else { throw HTTPWireError(.invalidMethod) }
    let path = Array(target.utf8)
    guard originForm(path) != nil || (method == .options && target == "*") else { throw HTTPWireError(.invalidTarget) }
    let valid = withUTF8(host) { $0.baseAddress.map { base in isValidAuthority(base, host.utf8.count) } ?? false }
    guard valid else { throw HTTPWireError(.invalidHost) }
    output.append(method.name)
    output.append(" ")
    output.append(contentsOf: path)
    output.append(" HTTP/1.1\r\nhost: ")
    output.append(contentsOf: host.utf8)
    output.append("\r\n")
    appendFields(headers, skipsHost: true, to: &output)
    switch framing {
    case .none, .untilClose:
      // A method that usually has a body says that there is none (RFC 9110, section 8.6).
      if method == .post || method == .put || method == .patch { output.append("content-length: 0\r\n") }
    case .length(let length):
      output.append("content-length: ")
      output.appendDecimal(length)
      output.append("\r\n")
    case .chunked: output.append("transfer-encoding: chunked\r\n")
    }
    if let connection {
      output.append("connection: ")
      output.append(connection)
      output.append("\r\n")
    } else if !keepAlive {
      output.append("connection: close\r\n")
    }
    output.append("\r\n")
  }
}

/// Fields are safe by construction (see `HTTPHeaders`), so they are only copied.
private func appendFields(
  _ headers: HTTPHeaders, skipsDate: Bool = false, skipsHost: Bool = false, to output: inout [UInt8]
) {
  if headers.records.isEmpty { return }
  headers.bytes.withUnsafeBytes { buffer in
    for record in headers.records {
      if record.kind != .other {
        if record.kind.isFraming || (skipsDate && record.kind == .date) || (skipsHost && record.kind == .host) {
          continue
        }
      }
      // Fields that were built stand in their wire form and go out in one copy.
      let start = Int(record.nameStart)
      let end = Int(record.valueStart) + Int(record.valueLength)
      if Int(record.valueStart) == start + Int(record.nameLength) + 2, end + 2 <= buffer.count,
        buffer[end] == ASCII.cr, buffer[Int(record.valueStart) - 1] == ASCII.space
      {
        output.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[start..<end + 2]))
        continue
      }
      output.append(contentsOf: HTTPHeaders.name(record, buffer))
      output.append(": ")
      output.append(contentsOf: HTTPHeaders.value(record, buffer))
      output.append("\r\n")
    }
  }
}

private func appendValue(_ value: some Sequence<UInt8>, to output: inout [UInt8]) {
  for byte in value { output.append(isControl(byte) && byte != ASCII.tab ? ASCII.space : byte) }
}
