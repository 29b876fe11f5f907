internal import CLinux
internal import Glibc
internal import SystemSources

extension ChildProcess {
  /// How a program has ended, and what it wrote.
  public struct Completion: Sendable {
    /// The exit status (128 and the signal when it was killed).
    public let status: Int32
    /// Both outputs, as far as they were kept: the end of them.
    public let bytes: [UInt8]
    /// Whether something before `bytes` was dropped.
    public let isTruncated: Bool

    /// The outputs as text.
    public var output: String { String(decoding: bytes, as: UTF8.self) }
  }

  /// The part of an output that is kept by default: 64 KiB.
  public static let outputBytesMax = 64 << 10

  /// Runs a program to its end. Of its outputs the last `outputBytesMax` bytes are kept. Throws when it cannot be
  /// started, and when it takes longer than `seconds`: it and its group are killed then.
  public static func run(
    _ specification: ProcessSpecification, seconds: Int = 60, outputBytesMax: Int = ChildProcess.outputBytesMax
  ) throws(ProcessError) -> Completion {
    var ends: [Int32] = [-1, -1]
    guard pipe2(&ends, O_CLOEXEC | O_NONBLOCK) == 0 else {
      throw ProcessError("no pipe can be made: \(String(cString: strerror(errno)))")
    }
    let source = ends[0]
    defer { close(source) }
    let child: ChildProcess
    do {
      // The program's end blocks as programs expect; it is another description only for the reader.
      defer { close(ends[1]) }
      _ = cadre_set_blocking(ends[1])
      child = try start(specification, output: ends[1])
    }
    let deadline = MonotonicClock.now() + UInt64(clamping: seconds) * 1_000_000_000
    var kept = OutputTail(bytesMax: outputBytesMax)
    while true {
      let status = child.exitStatus
      kept.drain(source)
      // What it has started itself may hold the pipe open: the end of the program is the end.
      if let status { return Completion(status: status, bytes: kept.bytes, isTruncated: kept.isTruncated) }
      guard MonotonicClock.now() < deadline else { break }
      var wanted = pollfd(fd: source, events: Int16(POLLIN), revents: 0)
      poll(&wanted, 1, kept.isAtEnd ? 0 : 5)
      if kept.isAtEnd { ThreadPause.milliseconds(1) }
    }
    child.killGroup(SIGKILL)
    _ = child.wait(seconds: 5)
    throw ProcessError("\(specification.name) did not end within \(seconds) s")
  }
}

/// The last bytes of an output.
private struct OutputTail {
  private static let pieceBytes = 16 << 10

  private let bytesMax: Int
  private var kept: [UInt8] = []
  private(set) var isTruncated = false
  /// Nobody can write any more.
  private(set) var isAtEnd = false

  init(bytesMax: Int) { self.bytesMax = max(0, bytesMax) }

  var bytes: [UInt8] { Array(kept.suffix(bytesMax)) }

  /// Takes all that is there now.
  mutating func drain(_ source: Int32) {
    var piece = [UInt8](repeating: 0, count: OutputTail.pieceBytes)
    // Bounded: a program that never stops writing must not keep its time from being looked at.
    for _ in 0..<64 {
      let count = read(source, &piece, piece.count)
      guard count > 0 else {
        if count == 0 { isAtEnd = true }
        return
      }
      kept += piece.prefix(count)
      // Twice the room, so that old bytes are seldom moved.
      if kept.count > bytesMax * 2 + piece.count { kept.removeFirst(kept.count - bytesMax) }
      if kept.count > bytesMax { isTruncated = true }
    }
  }
}
