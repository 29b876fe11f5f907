internal import Glibc

/// A growable queue of bytes: appended at the end, consumed at the front, moved never copied.
///
/// Owns its memory; an empty buffer owns none, so that an idle connection costs nothing.
public struct ByteBuffer: ~Copyable {
  private var base: UnsafeMutableRawPointer?
  private var capacity = 0
  private var head = 0
  private var tail = 0

  /// Makes an empty buffer without memory.
  public init() {}

  deinit { free(base) }

  /// Whether it has memory, filled or not.
  var hasMemory: Bool { base != nil }

  /// Bytes waiting to be consumed.
  public var count: Int { tail - head }

  /// Whether nothing waits.
  public var isEmpty: Bool { tail == head }

  /// The waiting bytes; valid until the next mutation.
  public var readable: UnsafeRawBufferPointer {
    guard let base else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    return UnsafeRawBufferPointer(start: base + head, count: tail - head)
  }

  /// Drops the first `count` bytes.
  public mutating func consume(_ count: Int) {
    // Counts are those of what `readable` has shown; reading on behind it would give away other memory.
    precondition(count >= 0 && count <= tail - head, "consumed more than is there")
    head += count
    if head == tail {
      head = 0
      tail = 0
    }
  }

  /// Makes room for at least `minimum` more bytes and returns all the free room behind the waiting bytes.
  public mutating func room(atLeast minimum: Int) -> UnsafeMutableRawBufferPointer {
    if capacity - tail < minimum { grow(minimum) }
    // `grow` has just made room.
    guard let base else { preconditionFailure("no memory") }
    return UnsafeMutableRawBufferPointer(start: base + tail, count: capacity - tail)
  }

  /// Says that `count` bytes of the room were filled.
  public mutating func commit(_ count: Int) {
    // Counts are those of what the kernel wrote into `room`.
    precondition(count >= 0 && tail + count <= capacity, "committed more than the room")
    tail += count
  }

  /// Appends a copy of the bytes.
  public mutating func append(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress, !bytes.isEmpty else { return }
    if capacity - tail < bytes.count { grow(bytes.count) }
    if let base { memcpy(base + tail, source, bytes.count) }
    tail += bytes.count
  }

  /// Appends a copy of the bytes.
  public mutating func append(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { append($0) }
  }

  /// Appends a copy of the bytes.
  public mutating func append(_ bytes: ArraySlice<UInt8>) {
    bytes.withUnsafeBytes { append($0) }
  }

  /// Takes the first `count` bytes out as an array.
  public mutating func take(_ count: Int) -> [UInt8] {
    let bytes = [UInt8](UnsafeRawBufferPointer(rebasing: readable.prefix(count)))
    consume(bytes.count)
    return bytes
  }

  /// Gives the memory back when nothing waits.
  public mutating func releaseIfEmpty() {
    guard isEmpty, let base else { return }
    free(base)
    self.base = nil
    capacity = 0
  }

  private mutating func grow(_ minimum: Int) {
    let waiting = tail - head
    if head > 0, let base {
      memmove(base, base + head, waiting)
      head = 0
      tail = waiting
      if capacity - tail >= minimum { return }
    }
    // The usual head, as large as the allocator hands out at once.
    var wanted = max(capacity * 2, 1024)
    while wanted - tail < minimum { wanted *= 2 }
    // As every allocation of Swift; what is kept for one peer is bounded by its users.
    guard let grown = realloc(base, wanted) else { preconditionFailure("out of memory: \(wanted) bytes") }
    base = grown
    capacity = wanted
  }
}
