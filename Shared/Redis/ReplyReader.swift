internal import CHiredis
internal import Glibc

/// How large a reply may be.
struct ReplyLimits: Sendable {
  /// Bytes of all strings of one reply.
  var bytesMax: Int
  /// Elements of all arrays of one reply.
  var elementsMax: Int
  /// Bytes of a line: a simple string, an error, a number.
  static let lineBytesMax = 64 * 1024
  /// Bytes of the number in front of a bulk string, with its line end.
  static let lengthBytesMax = 24
}

/// Parses replies with hiredis's reader, which builds `RedisValue`s through callbacks, so that nothing is made twice.
///
/// hiredis bounds the depth (7); the size of lines, strings and arrays is bounded here, before memory is spent on them.
final class ReplyReader {
  private struct Frame {
    var values: [RedisValue]
    let count: Int
  }

  /// Elements for which room is made on the word of the server alone.
  private static let reservedElementsMax = 1024

  private let reader: UnsafeMutablePointer<redisReader>
  private let limits: ReplyLimits
  private var frames: [Frame] = []
  private var finished: RedisValue?
  private var bytes = 0
  private var elements = 0
  private var violation: String?

  init(limits: ReplyLimits) {
    guard let reader = redisReaderCreateWithFunctions(ReplyReader.functions) else {
      // As every allocation of Swift.
      preconditionFailure("out of memory")
    }
    self.reader = reader
    self.limits = limits
    reader.pointee.privdata = Unmanaged.passUnretained(self).toOpaque()
  }

  deinit { redisReaderFree(reader) }

  /// Takes bytes and delivers the replies that they complete. Throws `protocolViolation`; the reader is dead then.
  func feed(_ input: UnsafeRawBufferPointer, _ deliver: (RedisValue) -> Void) throws(RedisError) {
    guard let base = input.baseAddress, !input.isEmpty else { return }
    if redisReaderFeed(reader, base.assumingMemoryBound(to: CChar.self), input.count) != REDIS_OK { throw failure() }
    while true {
      var reply: UnsafeMutableRawPointer?
      guard redisReaderGetReply(reader, &reply) == REDIS_OK else { throw failure() }
      guard reply != nil, let value = finished else { return try checkIncomplete() }
      finished = nil
      bytes = 0
      elements = 0
      deliver(value)
    }
  }

  private func failure() -> RedisError {
    let words = withUnsafeBytes(of: &reader.pointee.errstr) { raw in
      String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
    }
    return RedisError(.protocolViolation, outcomeUnknown: true, detail: violation ?? words)
  }

  /// Refuses what would be too large once complete. Also keeps hiredis from scanning a long line again with each piece.
  private func checkIncomplete() throws(RedisError) {
    let unread = reader.pointee.len - reader.pointee.pos
    guard unread > 0, reader.pointee.ridx >= 0, let buffer = reader.pointee.buf else { return }
    let depth = Int(reader.pointee.ridx)
    let stackOffset = MemoryLayout<redisReader>.offset(of: \.rstack) ?? 0
    let task = UnsafeRawPointer(reader).advanced(by: stackOffset + depth * MemoryLayout<redisReadTask>.stride)
    let type = task.assumingMemoryBound(to: redisReadTask.self).pointee.type
    let rest = UnsafeRawBufferPointer(start: buffer + reader.pointee.pos, count: unread)
    if type != REDIS_REPLY_STRING {
      if unread > ReplyLimits.lineBytesMax {
        throw RedisError(.protocolViolation, outcomeUnknown: true, detail: "line")
      }
      return
    }
    let head = rest.prefix(ReplyLimits.lengthBytesMax)
    guard let end = head.firstIndex(of: UInt8(ascii: "\r")) else {
      if unread >= ReplyLimits.lengthBytesMax {
        throw RedisError(.protocolViolation, outcomeUnknown: true, detail: "bulk length")
      }
      return
    }
    let length = Int(String(decoding: head[..<end], as: UTF8.self)) ?? 0
    if length > limits.bytesMax - bytes {
      throw RedisError(.protocolViolation, outcomeUnknown: true, detail: "a string of \(length) bytes")
    }
  }

  // MARK: Building

  /// Takes a complete value into the innermost array, and closes the arrays that it completes.
  private func place(_ value: RedisValue) {
    var value = value
    while let innermost = frames.indices.last {
      frames[innermost].values.append(value)
      guard frames[innermost].values.count == frames[innermost].count else { return }
      value = .array(frames.removeLast().values)
    }
    finished = value
  }

  private func string(_ type: Int32, _ text: UnsafeRawBufferPointer) -> Bool {
    bytes += text.count
    if bytes > limits.bytesMax {
      violation = "a reply of more than \(limits.bytesMax) bytes"
      return false
    }
    switch type {
    case REDIS_REPLY_ERROR: place(.error(RedisServerError(text)))
    case REDIS_REPLY_STATUS:
      let isOK = text.count == 2 && text[0] == UInt8(ascii: "O") && text[1] == UInt8(ascii: "K")
      place(isOK ? .ok : .simple(Array(text)))
    default: place(.bulk(Array(text)))
    }
    return true
  }

  private func array(_ count: Int) -> Bool {
    elements += count
    if elements > limits.elementsMax {
      violation = "a reply of more than \(limits.elementsMax) elements"
      return false
    }
    if count == 0 {
      place(.array([]))
    } else {
      var values: [RedisValue] = []
      values.reserveCapacity(min(count, ReplyReader.reservedElementsMax))
      frames.append(Frame(values: values, count: count))
    }
    return true
  }

  // MARK: hiredis's callbacks

  /// hiredis wants an object per value; the values are kept here, so one mark stands for all of them.
  nonisolated(unsafe) private static let mark = UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1)

  /// Never changed and never freed: every reader points to it.
  nonisolated(unsafe) private static let functions: UnsafeMutablePointer<redisReplyObjectFunctions> = {
    let functions = UnsafeMutablePointer<redisReplyObjectFunctions>.allocate(capacity: 1)
    functions.initialize(
      to: redisReplyObjectFunctions(
        createString: { task, text, count in
          ReplyReader.build(task) { $0.string($1, UnsafeRawBufferPointer(start: text, count: count)) }
        },
        createArray: { task, count in ReplyReader.build(task) { reader, _ in reader.array(Int(count)) } },
        createInteger: { task, value in
          ReplyReader.build(task) { reader, _ in
            reader.place(.integer(value))
            return true
          }
        },
        createNil: { task in
          ReplyReader.build(task) { reader, _ in
            reader.place(.null)
            return true
          }
        },
        freeObject: { _ in }))
    return functions
  }()

  @inline(__always)
  private static func build(
    _ task: UnsafePointer<redisReadTask>?, _ body: (ReplyReader, Int32) -> Bool
  ) -> UnsafeMutableRawPointer? {
    guard let task, let owner = task.pointee.privdata else { return nil }
    return Unmanaged<ReplyReader>.fromOpaque(owner)._withUnsafeGuaranteedRef { body($0, task.pointee.type) }
      ? mark : nil
  }
}
