import Glibc
import SandboxProtocol
import SandboxWorker
import Testing

/// What is loaded, and what is not; without an engine.
@Suite struct EngineFolderTests {
  private static let digestOfABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

  /// A folder with a library of three bytes and a manifest.
  private static func folder(
    engine: String = "50.0.1", digest: String = digestOfABC, _ body: (String) throws -> Void
  ) throws {
    var name = Array("/tmp/cadre-engine-test-XXXXXX".utf8CString)
    try #require(mkdtemp(&name) != nil)
    let path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    mkdir(path + "/lib", 0o755)
    TestFile.write(Array("abc".utf8), path + "/lib/libwasmtime.so")
    let manifest =
      #"{"engine": "\#(engine)", "artefacts": {"lib/libwasmtime.so": {"sha256": "\#(digest)", "bytes": 3}}}"#
    TestFile.write(Array(manifest.utf8), path + "/manifest.json")
    defer {
      for place in ["/lib/libwasmtime.so", "/lib/link", "/manifest.json"] { unlink(path + place) }
      rmdir(path + "/lib")
      rmdir(path)
    }
    try body(path)
  }

  @Test func `a file is what the manifest says, or is not used`() throws {
    try Self.folder { path in
      let folder = try EngineFolder(path)
      #expect(folder.has(.library) && !folder.has(.python))
      #expect(try folder.checkedPath(of: .library) == path + "/lib/libwasmtime.so")
      #expect(throws: EngineFolder.Unusable.self) { try folder.checkedPath(of: .python) }
      TestFile.write(Array("abd".utf8), path + "/lib/libwasmtime.so")
      #expect(throws: EngineFolder.Unusable.self) { try folder.checkedPath(of: .library) }
    }
  }

  @Test func `an identity stands for a comparison until the file changes`() throws {
    try Self.folder { path in
      let identities = try EngineFolder(path).verify()
      #expect(identities.count == 1)
      let folder = try EngineFolder(path, verified: identities)
      #expect(try folder.checkedPath(of: .library) == path + "/lib/libwasmtime.so")
      TestFile.write(Array("abdx".utf8), path + "/lib/libwasmtime.so")
      #expect(throws: EngineFolder.Unusable.self) { try folder.checkedPath(of: .library) }
      #expect(throws: EngineFolder.Unusable.self) { try folder.verify() }
    }
  }

  @Test func `links are not followed`() throws {
    try Self.folder { path in
      rename(path + "/lib/libwasmtime.so", path + "/lib/link")
      symlink("link", path + "/lib/libwasmtime.so")
      let folder = try EngineFolder(path)
      #expect(throws: EngineFolder.Unusable.self) { try folder.checkedPath(of: .library) }
    }
  }

  @Test func `another version, another digest, no folder`() throws {
    try Self.folder(engine: "49.0.0") { path in
      #expect(throws: EngineFolder.Unusable.self) { try EngineFolder(path) }
    }
    try Self.folder(digest: String(repeating: "0", count: 64)) { path in
      #expect(throws: EngineFolder.Unusable.self) { try EngineFolder(path).checkedPath(of: .library) }
    }
    #expect(throws: EngineFolder.Unusable.self) { try EngineFolder("/nonexistent") }
  }

  @Test func `command lines of the worker`() throws {
    let options = try WorkerOptions([
      "run", "--engine-folder", "/e", "--scratch", "/s", "--control", "5", "--load", "python", "--modules", "/m",
      "--verified", "a=1:2=3",
    ])
    #expect(options.mode == .run && options.control == 5 && options.loaded == [.python])
    #expect(options.verified == ["a": "1:2=3"] && options.modules == "/m" && options.scratch == "/s")
    for arguments in [
      [], ["jump"], ["run"], ["run", "--engine-folder", "/e"], ["verify", "--engine-folder"],
      ["run", "--engine-folder", "/e", "--scratch", "/s", "--control", "1"],
      ["run", "--engine-folder", "/e", "--scratch", "/s", "--load", "ruby"],
      ["compile", "--engine-folder", "/e", "--x", "1"],
    ] {
      #expect(throws: WorkerOptions.Fault.self) { try WorkerOptions(arguments) }
    }
  }
}
