/// How a program has ended, and what it has used.
public struct ProcessEnd: Hashable, Sendable {
  /// The exit status; 128 and the signal when it was killed.
  public let status: Int32
  /// The signal that has killed it; `nil` when it has left by itself.
  public let signal: Int32?
  /// Time on a processor in the program, in microseconds.
  public let userMicroseconds: UInt64
  /// Time on a processor in the kernel, in microseconds.
  public let systemMicroseconds: UInt64
  /// The most memory that was resident, in bytes.
  public let residentBytesMax: UInt64

  /// Makes one; for tests.
  public init(
    status: Int32, signal: Int32? = nil, userMicroseconds: UInt64 = 0, systemMicroseconds: UInt64 = 0,
    residentBytesMax: UInt64 = 0
  ) {
    self.status = status
    self.signal = signal
    self.userMicroseconds = userMicroseconds
    self.systemMicroseconds = systemMicroseconds
    self.residentBytesMax = residentBytesMax
  }
}
