import Glibc
import Testing

@testable import AgentSandbox

/// What a hostile job can leave in its folder.
@Suite struct ScratchFolderTests {
  private func with(
    _ change: (inout ScratchLimits) -> Void = { _ in }, _ body: (ScratchFolder, String) throws -> Void
  ) throws {
    let path = "/tmp/cadre-scratch-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    var limits = ScratchLimits()
    change(&limits)
    let scratch = try ScratchFolder.create(path, owner: nil, limits: limits)
    defer { #expect(FolderRemoval.remove(path), "\(path) is left") }
    try body(scratch, path)
  }

  private func write(_ path: String, _ text: String) {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    #expect(file >= 0, "\(path)")
    _ = text.withCString { Glibc.write(file, $0, strlen($0)) }
    close(file)
  }

  private func names(_ harvest: ScratchFolder.Harvest) -> [String] { harvest.files.map(\.name) }
  private func reason(_ harvest: ScratchFolder.Harvest, _ name: String) -> SkippedFile.Reason? {
    harvest.skipped.first { $0.name == name }?.reason
  }

  @Test func `files go in and come out, only once and only when they changed`() throws {
    try with { scratch, path in
      let input = SandboxFile(name: "data/in.txt", bytes: Array("in".utf8))
      try scratch.put([input], owner: nil)
      write(path + "/out.txt", "out")
      let known = [input.name: input.digest]
      let first = try scratch.harvest(known: known)
      #expect(first.files == [SandboxFile(name: "out.txt", bytes: Array("out".utf8))])
      #expect(first.bytes == 5 && first.entries == 3)
      #expect(try scratch.harvest(known: first.known).files.isEmpty)
      write(path + "/data/in.txt", "changed")
      #expect(names(try scratch.harvest(known: first.known)) == ["data/in.txt"])
      #expect(scratch.clear())
      #expect(try scratch.harvest(known: [:]).entries == 0)
    }
  }

  @Test(arguments: ["/etc/passwd", "../../../../etc/passwd", ".", "..", "missing"])
  func `no link is followed`(target: String) throws {
    try with { scratch, path in
      symlink(target, path + "/link")
      write(path + "/real", "1")
      let harvest = try scratch.harvest(known: [:])
      #expect(names(harvest) == ["real"])
      #expect(reason(harvest, "link") == .notRegular)
      // A file that is copied in takes the place of the link, and leaves its target alone.
      try scratch.put([SandboxFile(name: "link", bytes: [1])], owner: nil)
      #expect(names(try scratch.harvest(known: [:])) == ["link", "real"])
      // No folder is walked through a link.
      symlink("/tmp", path + "/folder")
      #expect(throws: SandboxFault.self) {
        try scratch.put([SandboxFile(name: "folder/escaped-\(getpid())", bytes: [1])], owner: nil)
      }
      #expect(access("/tmp/escaped-\(getpid())", F_OK) != 0)
    }
  }

  @Test func `pipes, sockets and devices are neither opened nor waited for`() throws {
    try with { scratch, path in
      #expect(mkfifo(path + "/pipe", 0o600) == 0)
      let name = path + "/socket"
      let socket = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
      defer { close(socket) }
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(name.utf8)) }
      let bound = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
      #expect(bound == 0)
      if geteuid() == 0 { mknod(path + "/device", S_IFCHR | 0o600, 0x0103) }
      write(path + "/real", "1")
      let harvest = try scratch.harvest(known: [:])
      #expect(names(harvest) == ["real"])
      #expect(reason(harvest, "pipe") == .notRegular)
      #expect(reason(harvest, "socket") == .notRegular)
      #expect(!scratch.isOverQuota())
      // A pipe in the place of an input.
      try scratch.put([SandboxFile(name: "pipe", bytes: [1, 2])], owner: nil)
      #expect(try scratch.harvest(known: [:]).known["pipe"] != nil)
    }
  }

  @Test func `a file with a second name is left`() throws {
    try with { scratch, path in
      write(path + "/a", "secret of somebody else")
      #expect(link(path + "/a", path + "/b") == 0)
      let harvest = try scratch.harvest(known: [:])
      #expect(harvest.files.isEmpty)
      #expect(reason(harvest, "a") == .linked && reason(harvest, "b") == .linked)
    }
  }

  @Test func `sizes are bounded: one file, all files, sparse files`() throws {
    try with({
      $0.fileBytesMax = 10; $0.takenBytesMax = 15; $0.bytesMax = 20_000
    }) { scratch, path in
      write(path + "/a", String(repeating: "a", count: 10))
      write(path + "/b", String(repeating: "b", count: 11))
      write(path + "/c", String(repeating: "c", count: 6))
      let sparse = open(path + "/sparse", O_WRONLY | O_CREAT, 0o600)
      #expect(ftruncate(sparse, 1 << 40) == 0)
      close(sparse)
      let harvest = try scratch.harvest(known: [:])
      #expect(harvest.files.reduce(0) { $0 + $1.bytes.count } <= 15)
      #expect(reason(harvest, "b") == .tooLarge)
      #expect(reason(harvest, "sparse") == .tooLarge)
      #expect(harvest.skipped.count { $0.reason == .tooLarge } == 3)
      // Holes are no bytes on a disk.
      #expect(!scratch.isOverQuota())
      write(path + "/d", String(repeating: "d", count: 30_000))
      #expect(scratch.isOverQuota())
    }
  }

  @Test func `counts are bounded`() throws {
    try with({ $0.entriesMax = 20 }) { scratch, path in
      for number in 0..<50 { write(path + "/\(number)", "x") }
      let harvest = try scratch.harvest(known: [:])
      #expect(harvest.files.count == 20)
      #expect(harvest.skipped.contains { $0.reason == .tooMany })
      #expect(scratch.isOverQuota())
    }
  }

  /// They take no space, so no quota of space stops them; what is read is bounded all the same.
  @Test func `files of nothing but holes are not read beyond the quota`() throws {
    try with {
      $0.bytesMax = 4 << 20
      $0.fileBytesMax = 1 << 20
    } _: { scratch, path in
      for number in 0..<64 {
        write(path + "/\(number)", "")
        truncate(path + "/\(number)", 1 << 20)
      }
      #expect(!scratch.isOverQuota())
      let harvest = try scratch.harvest(known: [:])
      #expect(harvest.known.count == 4)
      #expect(harvest.skipped.count { $0.reason == .tooLarge } == 32)
    }
  }

  @Test func `names that are no plain text are left`() throws {
    try with { scratch, path in
      for name in ["; rm -rf", "-rf", "__init__.py", "ünï", "a b"] { write(path + "/" + name, "1") }
      for name in ["a\u{1B}[31m", "line\nfeed", "\u{202E}txt.exe", "back\\slash"] { write(path + "/" + name, "1") }
      let raw: [CChar] = Array(path.utf8CString.dropLast()) + [47, -1, -2, 0]
      close(open(raw, O_WRONLY | O_CREAT, 0o600))
      write(path + "/" + String(repeating: "n", count: 255), "1")
      let harvest = try scratch.harvest(known: [:])
      #expect(
        Set(names(harvest)) == ["; rm -rf", "-rf", "__init__.py", "ünï", "a b", String(repeating: "n", count: 255)])
      #expect(harvest.skipped.count { $0.reason == .badName } == 5)
      #expect(harvest.skipped.allSatisfy { $0.name.unicodeScalars.allSatisfy { $0.value >= 0x20 } })
    }
  }

  @Test(arguments: ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", "./a", "a\0b", "a\nb", "a\\b"])
  func `inputs have plain names`(name: String) throws {
    try with { scratch, _ in
      #expect(throws: SandboxFault.self) { try scratch.put([SandboxFile(name: name, bytes: [])], owner: nil) }
      #expect(ScratchPath.segments(name) == nil)
    }
  }

  @Test func `folders of any depth are deleted, and count`() throws {
    try with { scratch, path in
      // Deeper than any path may be long.
      var folder = open(path, O_RDONLY | O_DIRECTORY)
      let name = String(repeating: "d", count: 200)
      for _ in 0..<300 {
        #expect(mkdirat(folder, name, 0o700) == 0)
        let next = openat(folder, name, O_RDONLY | O_DIRECTORY)
        close(folder)
        folder = next
        #expect(folder >= 0)
      }
      close(folder)
      write(path + "/near", "1")
      let harvest = try scratch.harvest(known: [:])
      #expect(names(harvest) == ["near"])
      #expect(harvest.skipped.count == 1)
      #expect(scratch.isOverQuota())
    }
  }

  @Test func `folders without permissions are deleted`() throws {
    try with { _, path in
      mkdir(path + "/a", 0o700)
      mkdir(path + "/a/b", 0o700)
      write(path + "/a/b/c", "1")
      chmod(path + "/a/b", 0)
      chmod(path + "/a", 0)
      chmod(path, 0)
    }
  }

  @Test func `nothing outside is deleted through a link`() throws {
    let outside = "/tmp/cadre-scratch-outside-\(getpid())"
    mkdir(outside, 0o700)
    write(outside + "/keep", "1")
    defer {
      unlink(outside + "/keep")
      rmdir(outside)
    }
    try with { _, path in
      symlink(outside, path + "/link")
      mkdir(path + "/folder", 0o700)
      symlink(outside, path + "/folder/link")
    }
    #expect(access(outside + "/keep", F_OK) == 0)
  }

  @Test func `a folder that is there already is not taken`() throws {
    try with { _, path in
      #expect(throws: SandboxFault.self) { try ScratchFolder.create(path, owner: nil, limits: ScratchLimits()) }
    }
  }
}
