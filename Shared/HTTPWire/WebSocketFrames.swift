internal import Primitives

/// What stands in the first byte of a WebSocket frame (RFC 6455, section 5.2).
public enum WebSocketOpcode: UInt8, Sendable {
  /// A further part of a message.
  case continuation = 0
  /// A text message, or its first part.
  case text = 1
  /// A binary message, or its first part.
  case binary = 2
  /// The end of the connection.
  case close = 8
  /// A question whether the peer is there.
  case ping = 9
  /// The answer to a ping.
  case pong = 10
}

/// What a receiver has understood.
public enum WebSocketEvent: Hashable, Sendable {
  /// A whole text message, valid UTF-8.
  case text(String)
  /// A whole binary message.
  case binary([UInt8])
  /// A ping: answer with a pong of the same bytes.
  case ping([UInt8])
  /// A pong.
  case pong([UInt8])
  /// The peer ends the connection: answer with the same code and close.
  case close(code: UInt16)
}

/// The peer broke the protocol: send a close frame with `code` and end the connection.
public struct WebSocketViolation: Error, Hashable, Sendable {
  /// 1002 protocol error, 1007 invalid UTF-8, 1009 too large.
  public let code: UInt16
}

/// A strict incremental receiver of WebSocket frames: masking, fragments, control frames, UTF-8 and sizes are checked.
public struct WebSocketReceiver: Sendable {
  private let expectsMask: Bool
  private let messageBytesMax: Int
  private var pending: [UInt8] = []
  private var message: [UInt8] = []
  private var messageOpcode: WebSocketOpcode?
  private var text = UTF8Validator()
  private var isClosed = false

  /// For a server (`expectsMask`) or a client. Messages over `messageBytesMax` are violations.
  public init(expectsMask: Bool, messageBytesMax: Int = 1 << 20) {
    self.expectsMask = expectsMask
    self.messageBytesMax = messageBytesMax
  }

  /// Reads on and returns what is complete. Bytes behind a close frame or a violation are ignored.
  /// Throws `WebSocketViolation`; what the same bytes completed before it is dropped with the connection.
  public mutating func feed(_ bytes: some Sequence<UInt8>) throws(WebSocketViolation) -> [WebSocketEvent] {
    guard !isClosed else { return [] }
    pending.append(contentsOf: bytes)
    do throws(WebSocketViolation) {
      return try readFrames()
    } catch {
      isClosed = true
      pending = []
      message = []
      throw error
    }
  }

  private mutating func readFrames() throws(WebSocketViolation) -> [WebSocketEvent] {
    var events: [WebSocketEvent] = []
    var at = 0
    while !isClosed, let (frame, end) = try frame(from: at) {
      at = end
      if let event = try accept(frame) { events.append(event) }
    }
    pending.removeFirst(at)
    return events
  }

  private struct Frame {
    let isFinal: Bool
    let opcode: WebSocketOpcode
    let payload: [UInt8]
  }

  private func frame(from start: Int) throws(WebSocketViolation) -> (Frame, end: Int)? {
    guard pending.count - start >= 2 else { return nil }
    let first = pending[start]
    let second = pending[start + 1]
    guard first & 0x70 == 0, let opcode = WebSocketOpcode(rawValue: first & 0x0F), (second & 0x80 != 0) == expectsMask
    else { throw WebSocketViolation(code: 1002) }
    let isControl = opcode.rawValue >= 8
    let short = Int(second & 0x7F)
    if isControl, short > 125 || first & 0x80 == 0 { throw WebSocketViolation(code: 1002) }
    let lengthBytes = short == 126 ? 2 : short == 127 ? 8 : 0
    var at = start + 2
    guard pending.count - at >= lengthBytes else { return nil }
    var length = UInt64(short)
    if lengthBytes > 0 {
      length = pending[at..<at + lengthBytes].reduce(0) { $0 << 8 | UInt64($1) }
      // The shortest form is required, and the highest bit must be 0.
      guard length >= (lengthBytes == 2 ? 126 : 65_536), length <= UInt64(Int64.max) else {
        throw WebSocketViolation(code: 1002)
      }
      at += lengthBytes
    }
    guard length <= UInt64(messageBytesMax - (isControl ? 0 : message.count)) || isControl else {
      throw WebSocketViolation(code: 1009)
    }
    let maskStart = at
    if expectsMask { at += 4 }
    guard pending.count >= at + Int(length) else { return nil }
    var payload = Array(pending[at..<at + Int(length)])
    if expectsMask { unmask(&payload, pending[maskStart..<maskStart + 4]) }
    return (Frame(isFinal: first & 0x80 != 0, opcode: opcode, payload: payload), at + Int(length))
  }

  private mutating func accept(_ frame: Frame) throws(WebSocketViolation) -> WebSocketEvent? {
    switch frame.opcode {
    case .ping: return .ping(frame.payload)
    case .pong: return .pong(frame.payload)
    case .close: return try close(frame.payload)
    case .continuation: guard messageOpcode != nil else { throw WebSocketViolation(code: 1002) }
    case .text, .binary:
      guard messageOpcode == nil else { throw WebSocketViolation(code: 1002) }
      messageOpcode = frame.opcode
    }
    if frame.isFinal, message.isEmpty, frame.opcode == messageOpcode {
      messageOpcode = nil
      return try event(frame.opcode, frame.payload)
    }
    if messageOpcode == .text, !text.accepts(frame.payload) { throw WebSocketViolation(code: 1007) }
    message += frame.payload
    guard frame.isFinal, let opcode = messageOpcode else { return nil }
    let payload = message
    message = []
    messageOpcode = nil
    text = UTF8Validator()
    return try event(opcode, payload)
  }

  private func event(_ opcode: WebSocketOpcode, _ payload: [UInt8]) throws(WebSocketViolation) -> WebSocketEvent {
    guard opcode == .text else { return .binary(payload) }
    guard let text = String(validating: payload, as: UTF8.self) else { throw WebSocketViolation(code: 1007) }
    return .text(text)
  }

  private mutating func close(_ payload: [UInt8]) throws(WebSocketViolation) -> WebSocketEvent {
    isClosed = true
    if payload.isEmpty { return .close(code: 1000) }
    guard payload.count >= 2 else { throw WebSocketViolation(code: 1002) }
    let code = UInt16(payload[0]) << 8 | UInt16(payload[1])
    switch code {
    case 1000...1003, 1007...1014, 3000...4999: break
    default: throw WebSocketViolation(code: 1002)
    }
    guard String(validating: payload.dropFirst(2), as: UTF8.self) != nil else { throw WebSocketViolation(code: 1007) }
    return .close(code: code)
  }
}

/// Applies the mask eight bytes at a time (RFC 6455, section 5.3).
private func unmask(_ payload: inout [UInt8], _ mask: ArraySlice<UInt8>) {
  let word = mask.reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
  let wide = UInt64(word) << 32 | UInt64(word)
  payload.withUnsafeMutableBytes { bytes in
    var i = 0
    while i + 8 <= bytes.count {
      let value = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: i, as: UInt64.self)) ^ wide
      bytes.storeBytes(of: value.littleEndian, toByteOffset: i, as: UInt64.self)
      i += 8
    }
    while i < bytes.count {
      bytes[i] ^= UInt8(truncatingIfNeeded: word >> UInt32(8 * (i & 3)))
      i += 1
    }
  }
}

/// Writes WebSocket frames.
public enum WebSocketEncoder {
  /// Appends one unfragmented frame; clients pass four random bytes as `mask`.
  public static func append(
    _ opcode: WebSocketOpcode, _ payload: some Collection<UInt8>, mask: [UInt8]? = nil, to bytes: inout [UInt8]
  ) {
    let flag: UInt8 = mask == nil ? 0 : 0x80
    bytes.append(0x80 | opcode.rawValue)
    switch payload.count {
    case ..<126: bytes.append(flag | UInt8(payload.count))
    case ..<65_536: bytes += [flag | 126, UInt8(payload.count >> 8), UInt8(truncatingIfNeeded: payload.count)]
    default:
      bytes.append(flag | 127)
      for shift in stride(from: 56, through: 0, by: -8) {
        bytes.append(UInt8(truncatingIfNeeded: payload.count >> shift))
      }
    }
    guard let mask else { return bytes.append(contentsOf: payload) }
    bytes += mask
    for (index, byte) in payload.enumerated() { bytes.append(byte ^ mask[index & 3]) }
  }

  /// Appends a close frame.
  public static func appendClose(code: UInt16, mask: [UInt8]? = nil, to bytes: inout [UInt8]) {
    append(.close, [UInt8(code >> 8), UInt8(truncatingIfNeeded: code)], mask: mask, to: &bytes)
  }
}

/// The opening handshake (RFC 6455, section 4).
public enum WebSocketHandshake {
  private static let magic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

  /// The value of `Sec-WebSocket-Accept` for a valid upgrade request. Throws `HTTPWireError`.
  public static func accept(_ head: RequestHead, sha1: ([UInt8]) -> [UInt8]) throws(HTTPWireError) -> String {
    guard head.method == .get, head.version == .http11, head.framing == .none,
      head.headers.contains(token: "websocket", in: .upgrade),
      head.headers.contains(token: "upgrade", in: .connection)
    else { throw HTTPWireError(.webSocketNotUpgrade) }
    guard head.headers[.secWebSocketVersion] == "13" else { throw HTTPWireError(.webSocketUnsupportedVersion) }
    let keys = head.headers.values(of: .secWebSocketKey)
    guard keys.count == 1, let key = keys.first, key.utf8.count == 24, key.hasSuffix("=="),
      Base64.decode(key)?.count == 16
    else { throw HTTPWireError(.webSocketInvalidKey) }
    return answer(to: key, sha1: sha1)
  }

  /// The answer to a key.
  public static func answer(to key: String, sha1: ([UInt8]) -> [UInt8]) -> String {
    Base64.encode(sha1(Array((key + magic).utf8)))
  }
}
