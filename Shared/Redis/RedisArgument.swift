internal import Reactor

/// What can stand in a command: a key, a value, a number.
public protocol RedisEncodable: Sendable {
  /// The argument as it is sent.
  var redisArgument: RedisArgument { get }
}

/// One argument of a command. Any bytes are allowed.
public enum RedisArgument: Hashable, Sendable, RedisEncodable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
  /// Text, sent as UTF-8.
  case string(String)
  /// Bytes, sent as they are.
  case bytes([UInt8])
  /// A number, sent in decimal digits.
  case int(Int)

  /// An argument of text.
  public init(_ text: String) { self = .string(text) }

  /// An argument of bytes.
  public init(_ bytes: [UInt8]) { self = .bytes(bytes) }

  /// An argument of a number.
  public init(_ number: Int) { self = .int(number) }

  /// An argument of text.
  public init(stringLiteral text: String) { self = .string(text) }

  /// An argument of a number.
  public init(integerLiteral number: Int) { self = .int(number) }

  /// Itself.
  public var redisArgument: RedisArgument { self }
}

extension String: RedisEncodable {
  /// The text as UTF-8.
  public var redisArgument: RedisArgument { .string(self) }
}

extension Int: RedisEncodable {
  /// The number in decimal digits.
  public var redisArgument: RedisArgument { .int(self) }
}

extension [UInt8]: RedisEncodable {
  /// The bytes.
  public var redisArgument: RedisArgument { .bytes(self) }
}

/// Commands as arrays of bulk strings (https://redis.io/docs/latest/develop/reference/protocol-spec/).
enum RedisCommandEncoder {
  /// `$`, `*`, a length, a number and two line ends never take more.
  private static let overheadBytesMax = 48

  /// Bytes that the command takes at most.
  static func bytesMax(_ command: [RedisArgument]) -> Int {
    command.reduce(overheadBytesMax) { sum, argument in
      switch argument {
      case .string(let text): sum + text.utf8.count + overheadBytesMax
      case .bytes(let bytes): sum + bytes.count + overheadBytesMax
      case .int: sum + overheadBytesMax
      }
    }
  }

  /// Appends one command.
  static func append(_ command: [RedisArgument], to buffer: inout ByteBuffer) {
    var writer = Writer(room: buffer.room(atLeast: bytesMax(command)))
    writer.header("*", command.count)
    for argument in command {
      switch argument {
      case .string(var text): text.withUTF8 { writer.bulk(UnsafeRawBufferPointer($0)) }
      case .bytes(let bytes): bytes.withUnsafeBytes { writer.bulk($0) }
      case .int(let number):
        writer.header("$", Writer.digits(number))
        writer.decimal(number)
        writer.lineEnd()
      }
    }
    buffer.commit(writer.used)
  }

  private struct Writer {
    let room: UnsafeMutableRawBufferPointer
    private(set) var used = 0

    init(room: UnsafeMutableRawBufferPointer) { self.room = room }

    mutating func byte(_ value: UInt8) {
      room[used] = value
      used += 1
    }

    mutating func lineEnd() {
      byte(13)
      byte(10)
    }

    mutating func header(_ kind: Unicode.Scalar, _ count: Int) {
      byte(UInt8(ascii: kind))
      decimal(count)
      lineEnd()
    }

    mutating func bulk(_ bytes: UnsafeRawBufferPointer) {
      header("$", bytes.count)
      UnsafeMutableRawBufferPointer(rebasing: room[used...]).copyMemory(from: bytes)
      used += bytes.count
      lineEnd()
    }

    /// Characters of `number`, the sign included.
    static func digits(_ number: Int) -> Int {
      var rest = number.magnitude
      var count = number < 0 ? 2 : 1
      while rest >= 10 {
        rest /= 10
        count += 1
      }
      return count
    }

    mutating func decimal(_ number: Int) {
      let end = used + Writer.digits(number)
      if number < 0 { room[used] = UInt8(ascii: "-") }
      var position = end
      var rest = number.magnitude
      repeat {
        position -= 1
        room[position] = UInt8(ascii: "0") + UInt8(rest % 10)
        rest /= 10
      } while rest > 0
      used = end
    }
  }
}
