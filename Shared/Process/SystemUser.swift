internal import Glibc

/// Another user to run a program as.
public struct SystemUser: Hashable, Sendable {
  /// The name.
  public let name: String
  /// The number.
  public let id: UInt32
  /// The number of the primary group.
  public let group: UInt32

  /// Whether this process may become another user.
  public static var canChange: Bool { geteuid() == 0 }

  /// A user of the system; `nil` when there is none of that name.
  public init?(named name: String) {
    guard let entry = getpwnam(name) else { return nil }
    self.name = name
    id = entry.pointee.pw_uid
    group = entry.pointee.pw_gid
  }
}
