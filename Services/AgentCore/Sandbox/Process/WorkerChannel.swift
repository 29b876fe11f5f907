internal import CLinux
internal import Glibc
internal import Reactor
internal import SandboxProtocol

/// One stream of frames in both directions, on an event loop. Owns its descriptor.
final class WorkerChannel: ReadinessHandler {
  /// What happens.
  enum Event {
    /// A frame has come.
    case frame(SandboxFrame)
    /// What has come is no frame; nothing more is read.
    case fault
    /// The other end is closed.
    case closed
  }

  private static let pieceBytes = 256 << 10
  /// Pieces that are read before others have their turn.
  private static let piecesPerTurn = 16

  private let descriptor: Int32
  private let loop: EventLoop
  private var reader: SandboxFrameReader
  private var output: [UInt8] = []
  private var sent = 0
  private var isReading = false
  private var isOpen = true
  private var handler: ((Event) -> Void)?

  init(_ descriptor: Int32, frameBytesMax: Int, on loop: EventLoop) {
    self.descriptor = descriptor
    self.loop = loop
    reader = SandboxFrameReader(bytesMax: frameBytesMax)
  }

  func start(_ handler: @escaping (Event) -> Void) throws(ReactorError) {
    self.handler = handler
    try loop.watch(descriptor, for: .readable, handler: self)
    isReading = true
  }

  /// Sends bytes, now or as soon as there is room.
  func send(_ bytes: [UInt8]) {
    guard isOpen else { return }
    output += bytes
    flush()
  }

  func ready(_ events: Readiness) {
    if events.contains(.writable) { flush() }
    if !events.isDisjoint(with: [.readable, .hangup, .peerClosed]) { drain() }
  }

  private func flush() {
    while sent < output.count {
      let count = output.withUnsafeBytes { bytes in
        Glibc.send(descriptor, bytes.baseAddress.map { $0 + sent }, output.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      sent += count
    }
    if sent == output.count {
      output = []
      sent = 0
    }
    if isReading { try? loop.rewatch(descriptor, for: output.isEmpty ? .readable : [.readable, .writable]) }
  }

  /// Reads what is there.
  func drain() {
    guard isReading else { return }
    var piece = [UInt8](repeating: 0, count: WorkerChannel.pieceBytes)
    for _ in 0..<WorkerChannel.piecesPerTurn where isReading {
      let count = recv(descriptor, &piece, piece.count, Int32(MSG_DONTWAIT))
      if count < 0, errno == EINTR { continue }
      if count < 0, errno == EAGAIN || errno == EWOULDBLOCK { return }
      guard count > 0 else {
        stopReading()
        handler?(.closed)
        return
      }
      reader.append(piece.prefix(count))
      take()
    }
  }

  private func take() {
    while isReading {
      do throws(SandboxFrameError) {
        guard let frame = try reader.next() else { return }
        handler?(.frame(frame))
      } catch {
        stopReading()
        handler?(.fault)
      }
    }
  }

  private func stopReading() {
    guard isReading else { return }
    isReading = false
    loop.unwatch(descriptor)
  }

  func close() {
    stopReading()
    guard isOpen else { return }
    isOpen = false
    handler = nil
    Glibc.close(descriptor)
  }
}
