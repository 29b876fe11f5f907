import Glibc

/// A folder of one test, removed with its files when the test ends.
final class TemporaryFolder {
  let path: String
  private var files: [String] = []

  init() throws {
    var template = Array("/tmp/settings-tests-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw Failure(errno: errno) }
    path = String(cString: made)
  }

  deinit {
    for file in files { unlink(file) }
    rmdir(path)
  }

  struct Failure: Error { let errno: Int32 }

  /// Writes (or replaces) a file and returns its path.
  @discardableResult
  func write(_ name: String, _ bytes: [UInt8], mode: mode_t = 0o600) throws -> String {
    let file = "\(path)/\(name)"
    let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw Failure(errno: errno) }
    defer { close(descriptor) }
    if !files.contains(file) { files.append(file) }
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 else { throw Failure(errno: errno) }
      rest = rest.dropFirst(count)
    }
    fchmod(descriptor, mode)
    return file
  }

  @discardableResult
  func write(_ name: String, _ text: String, mode: mode_t = 0o600) throws -> String {
    try write(name, Array(text.utf8), mode: mode)
  }

  func makePipe(_ name: String) -> String {
    let file = "\(path)/\(name)"
    mkfifo(file, 0o600)
    files.append(file)
    return file
  }
}
