import CSandboxEngine
import Glibc
import JSON

/// The folder with the engine and the compiled guests. Nothing of it is loaded before its digest was compared with the
/// manifest, or its identity with one that was compared before.
package struct EngineFolder: Sendable {
  /// Why an engine cannot be used.
  package struct Unusable: Error, Hashable, Sendable {
    package let reason: String

    package init(_ reason: String) { self.reason = reason }
  }

  /// The files of a folder, by their place in it.
  package enum Artefact: String, CaseIterable, Sendable {
    case library = "lib/libwasmtime.so"
    case python = "aot/python.cwasm"
    case javascript = "aot/javascript.cwasm"
  }

  package let path: String
  private let digests: [String: String]
  private let verified: [String: String]

  /// Reads the manifest. `verified`: identities by place, as `verify` has written them.
  package init(_ path: String, verified: [String: String] = [:]) throws(Unusable) {
    self.path = path
    self.verified = verified
    let bytes = FileBytes.read(path + "/manifest.json", countMax: 64 << 10) ?? []
    guard let root = try? JSONDocument(parsing: bytes).root, let artefacts = root["artefacts"] else {
      throw Unusable("there is no manifest in \(path)")
    }
    guard root["engine"]?.string == String(cString: cadre_engine_version()) else {
      throw Unusable("the engine in \(path) is not of version \(String(cString: cadre_engine_version()))")
    }
    var digests: [String: String] = [:]
    for artefact in Artefact.allCases { digests[artefact.rawValue] = artefacts[artefact.rawValue]?["sha256"]?.string }
    self.digests = digests
  }

  /// Whether the manifest has an artefact.
  package func has(_ artefact: Artefact) -> Bool { digests[artefact.rawValue] != nil }

  /// The path of an artefact that is what the manifest says.
  package func checkedPath(of artefact: Artefact) throws(Unusable) -> String {
    let file = path + "/" + artefact.rawValue
    guard let digest = digests[artefact.rawValue] else { throw Unusable("\(artefact.rawValue) is not installed") }
    if let known = verified[artefact.rawValue], known == Self.identity(of: file) { return file }
    guard Self.digest(of: file) == digest else {
      throw Unusable("\(artefact.rawValue) is not what the manifest says; build the engine folder again")
    }
    return file
  }

  /// Compares every artefact with the manifest and returns the identities of the files.
  package func verify() throws(Unusable) -> [String: String] {
    var identities: [String: String] = [:]
    for artefact in Artefact.allCases where has(artefact) {
      let file = try checkedPath(of: artefact)
      identities[artefact.rawValue] = Self.identity(of: file)
    }
    return identities
  }

  /// SHA-256 of a file in hex.
  package static func digest(of file: String) -> String? {
    var text = [CChar](repeating: 0, count: 65)
    return cadre_file_digest(file, &text) == 1 ? CText.string(text) : nil
  }

  static func identity(of file: String) -> String? {
    var text = [CChar](repeating: 0, count: 128)
    return cadre_file_identity(file, &text) == 1 ? CText.string(text) : nil
  }
}

/// Whole files.
enum FileBytes {
  /// The bytes of a regular file of at most `countMax` bytes.
  static func read(_ path: String, countMax: Int) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= countMax else {
      return nil
    }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeMutableBytes {
        Glibc.read(descriptor, $0.baseAddress?.advanced(by: done), $0.count - done)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return nil }
      done += count
    }
    return bytes
  }
}
