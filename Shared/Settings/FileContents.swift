internal import Glibc

/// A small regular file, read at once.
public struct FileContents: Sendable {
  /// What it holds.
  public let bytes: [UInt8]
  /// The permission bits.
  public let mode: UInt32

  /// Why a file cannot be read.
  public struct Failure: Error {
    /// The kind of failure.
    public let code: SettingsFault.Code
    /// A sentence without the path.
    public let message: String
  }

  /// The content as text. Throws when it is not UTF-8.
  public func text() throws(Failure) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Failure(code: .wrongType, message: "is not UTF-8")
    }
    return text
  }

  /// Reads a file of at most `limit` bytes. Symbolic links are followed (mounted secrets are links); pipes and devices
  /// are refused, because reading them could block the start for ever.
  public static func read(_ path: String, limit: Int) throws(Failure) -> FileContents {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw failure("cannot be opened") }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure("cannot be examined") }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw Failure(code: .unreadable, message: "is not a regular file")
    }
    // One byte more than allowed, so that a file that grows meanwhile is noticed too.
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: min(limit + 1, 65_536))
    while bytes.count <= limit {
      let wanted = min(chunk.count, limit + 1 - bytes.count)
      let count = Glibc.read(descriptor, &chunk, wanted)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure("cannot be read") }
      if count == 0 { break }
      bytes += chunk[..<count]
    }
    guard bytes.count <= limit else {
      throw Failure(code: .limit, message: "is larger than \(limit) bytes")
    }
    return FileContents(bytes: bytes, mode: status.st_mode & 0o777)
  }

  private static func failure(_ what: String) -> Failure {
    let reason = strerror(errno).map { String(cString: $0) } ?? "error \(errno)"
    return Failure(code: .unreadable, message: "\(what): \(reason)")
  }
}
