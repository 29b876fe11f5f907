internal import Glibc
internal import Reactor

extension ByteBuffer {
  /// Appends a command as an array of bulk strings and returns the number of bytes.
  mutating func append(_ command: RedisCommand) -> Int {
    let arguments = command.arguments
    let space = room(atLeast: command.encodedBytesMax)
    var writer = CommandWriter(space)
    writer.header(UInt8(ascii: "*"), arguments.count)
    for argument in arguments { writer.append(argument) }
    commit(writer.count)
    return writer.count
  }
}

extension RedisCommand {
  /// What an argument's frame and a number in it take at most.
  private static let frameBytesMax = 96

  /// An upper bound of the encoded size.
  var encodedBytesMax: Int {
    arguments.reduce(RedisCommand.frameBytesMax) { total, argument in
      switch argument {
      case .string(let text): total + RedisCommand.frameBytesMax + text.utf8.count
      case .bytes(let bytes): total + RedisCommand.frameBytesMax + bytes.count
      case .integer, .double: total + RedisCommand.frameBytesMax
      }
    }
  }
}

/// Writes RESP into memory that was measured beforehand.
private struct CommandWriter {
  private let space: UnsafeMutableRawBufferPointer
  private(set) var count = 0

  init(_ space: UnsafeMutableRawBufferPointer) { self.space = space }

  mutating func header(_ mark: UInt8, _ number: Int) {
    put(mark)
    decimal(UInt64(number))
    lineEnd()
  }

  mutating func append(_ argument: RedisArgument) {
    switch argument {
    case .bytes(let bytes): bytes.withUnsafeBytes { bulk($0) }
    case .string(var text): text.withUTF8 { bulk(UnsafeRawBufferPointer($0)) }
    case .integer(let value):
      header(UInt8(ascii: "$"), CommandWriter.digits(value.magnitude) + (value < 0 ? 1 : 0))
      if value < 0 { put(UInt8(ascii: "-")) }
      decimal(value.magnitude)
      lineEnd()
    case .double(let value):
      var text = value.description
      text.withUTF8 { bulk(UnsafeRawBufferPointer($0)) }
    }
  }

  private mutating func bulk(_ bytes: UnsafeRawBufferPointer) {
    header(UInt8(ascii: "$"), bytes.count)
    // Measured with the same functions just before; writing on behind the end would be worse.
    precondition(count + bytes.count + 2 <= space.count, "the command is longer than measured")
    if let target = space.baseAddress, let source = bytes.baseAddress { memcpy(target + count, source, bytes.count) }
    count += bytes.count
    lineEnd()
  }

  private mutating func decimal(_ value: UInt64) {
    let digits = CommandWriter.digits(value)
    var rest = value
    var position = count + digits
    while position > count {
      position -= 1
      space[position] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    }
    count += digits
  }

  private static func digits(_ value: UInt64) -> Int {
    var digits = 1
    var rest = value
    while rest >= 10 {
      rest /= 10
      digits += 1
    }
    return digits
  }

  private mutating func lineEnd() {
    put(UInt8(ascii: "\r"))
    put(UInt8(ascii: "\n"))
  }

  private mutating func put(_ byte: UInt8) {
    space[count] = byte
    count += 1
  }
}
