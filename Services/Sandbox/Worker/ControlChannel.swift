import Glibc
package import SandboxProtocol

/// The descriptor to the supervisor: whole frames, one after the other, blocking.
package struct ControlChannel: ~Copyable {
  /// The other end is gone, or it has sent what is no frame.
  package struct Closed: Error {}

  private let descriptor: CInt
  private var reader: SandboxFrameReader

  /// `bytesMax`: largest frame that is taken.
  package init(descriptor: CInt, bytesMax: Int) {
    self.descriptor = descriptor
    reader = SandboxFrameReader(bytesMax: bytesMax)
  }

  /// The next frame; `nil` when the supervisor has closed its end.
  package mutating func next() throws -> SandboxFrame? {
    var piece = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      if let frame = try reader.next() { return frame }
      // Never past the frame: what follows belongs to the next one, and to a larger buffer.
      let size = min(piece.count, reader.missingCount)
      let count = piece.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, size) }
      if count == 0 { return nil }
      if count < 0 {
        if errno == EINTR { continue }
        throw Closed()
      }
      reader.append(piece[0..<count])
    }
  }

  /// Whether something has come, or comes within a time.
  package func hasInput(withinMilliseconds pause: CInt) -> Bool {
    var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&watched, 1, pause) != 0
  }

  /// Sends a frame.
  package func send(_ frame: SandboxFrame) throws {
    let bytes = try frame.encoded()
    try bytes.withUnsafeBytes { all in
      var rest = all[...]
      while !rest.isEmpty {
        let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if count < 0 {
          if errno == EINTR { continue }
          throw Closed()
        }
        rest = rest.dropFirst(count)
      }
    }
  }
}
