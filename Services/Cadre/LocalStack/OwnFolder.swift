internal import CLinux
internal import Glibc
public import Process

/// Folders in places that everybody can write to, such as `/tmp`: nobody else may own or change them.
public enum OwnFolder {
  private static let triesMax = 8

  /// Why a folder cannot be used.
  enum Fault: Error {
    /// It belongs to somebody else, is a link, or others can write to it.
    case foreign(String)
    case system(String)
  }

  /// Makes `path`, or takes it over from an earlier run: a real folder, owned by this process's user or by `owner`,
  /// that only its owner can change. It is given to `owner` when there is one.
  static func claim(_ path: String, owner: SystemUser?, mode: UInt32) throws(Fault) {
    if mkdir(path, 0o700) != 0, errno != EEXIST {
      throw .system("cannot make the folder \(path): \(String(cString: strerror(errno)))")
    }
    // Everything from here on goes by the descriptor: the name may be given to something else meanwhile.
    let fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard fd >= 0 else { throw .foreign("\(path) is no folder") }
    defer { close(fd) }
    var info = stat()
    guard fstat(fd, &info) == 0 else { throw .system("cannot look at \(path)") }
    guard info.st_uid == geteuid() || info.st_uid == owner?.id else {
      throw .foreign("\(path) belongs to user \(info.st_uid)")
    }
    guard info.st_mode & 0o022 == 0 else { throw .foreign("others can write to \(path)") }
    guard fchmod(fd, mode) == 0 else { throw .system("cannot change the mode of \(path)") }
    if let owner, fchown(fd, owner.id, owner.group) != 0 {
      throw .system("cannot give \(path) to user \(owner.name)")
    }
  }

  /// A folder that is ours, with `path` as its name, or as the beginning of its name where somebody else has taken that
  /// one. Throws `StackError`.
  public static func make(_ path: String, owner: SystemUser?, mode: UInt32) throws(StackError) -> String {
    do {
      try claim(path, owner: owner, mode: mode)
      return path
    } catch {
      if case .system(let reason) = error { throw StackError(reason) }
    }
    for _ in 0..<triesMax {
      var template = Array("\(path)-XXXXXX".utf8CString)
      guard mkdtemp(&template) != nil else { break }
      let made = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
      if (try? claim(made, owner: owner, mode: mode)) != nil { return made }
    }
    throw StackError("no folder of our own can be made beside \(path)")
  }
}
