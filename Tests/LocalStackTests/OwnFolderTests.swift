import Foundation
import LocalStack
import Testing

/// Folders in `/tmp` that somebody else was faster to make.
@Suite struct OwnFolderTests {
  private let base = "/tmp/cadre-own-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"

  private func mode(_ path: String) -> Int {
    (try? FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int) ?? -1
  }

  @Test func `a new folder has the name that was asked for, and is taken over by the next run`() throws {
    defer { try? FileManager.default.removeItem(atPath: base) }
    #expect(try OwnFolder.make(base, owner: nil, mode: 0o711) == base)
    #expect(mode(base) == 0o711)
    #expect(try OwnFolder.make(base, owner: nil, mode: 0o711) == base)
  }

  @Test func `a folder that others can write to is not used`() throws {
    try FileManager.default.createDirectory(atPath: base, withIntermediateDirectories: false)
    chmod(base, 0o777)
    let made = try OwnFolder.make(base, owner: nil, mode: 0o711)
    defer {
      try? FileManager.default.removeItem(atPath: base)
      try? FileManager.default.removeItem(atPath: made)
    }
    #expect(made != base && made.hasPrefix(base + "-"))
    #expect(mode(made) == 0o711)
    #expect(mode(base) == 0o777, "what is not ours stays as it is")
  }

  @Test func `a link is not followed`() throws {
    let victim = base + "-victim"
    try FileManager.default.createDirectory(
      atPath: victim, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    try FileManager.default.createSymbolicLink(atPath: base, withDestinationPath: victim)
    let made = try OwnFolder.make(base, owner: nil, mode: 0o711)
    defer { for path in [base, made, victim] { try? FileManager.default.removeItem(atPath: path) } }
    #expect(made != base)
    #expect(mode(victim) == 0o700)
  }

  @Test(.enabled(if: geteuid() == 0)) func `a folder of another user is not used`() throws {
    try FileManager.default.createDirectory(atPath: base, withIntermediateDirectories: false)
    chown(base, 65_534, 65_534)
    chmod(base, 0o755)
    let made = try OwnFolder.make(base, owner: nil, mode: 0o711)
    defer { for path in [base, made] { try? FileManager.default.removeItem(atPath: path) } }
    #expect(made != base)
    var info = stat()
    #expect(stat(base, &info) == 0 && info.st_uid == 65_534)
  }
}
