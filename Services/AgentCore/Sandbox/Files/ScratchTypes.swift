internal import Contracts
internal import Crypto

/// Bounds of what a job may leave in its scratch folder.
package struct ScratchLimits: Sendable, Hashable {
  /// All files together, in bytes.
  package var bytesMax = 64 << 20
  /// Files and folders.
  package var entriesMax = 256
  /// One file that is taken over, in bytes.
  package var fileBytesMax = 16 << 20
  /// All files that are taken over after one job, in bytes.
  package var takenBytesMax = 32 << 20
  /// Folders inside of folders.
  package var depthMax = 8

  /// The defaults.
  package init() {}
}

/// A file that is copied into a scratch folder, or taken out of it.
package struct SandboxFile: Sendable, Hashable {
  /// A relative path of plain segments.
  package let name: String
  /// The content.
  package let bytes: [UInt8]

  /// Makes a file.
  package init(name: String, bytes: [UInt8]) {
    self.name = name
    self.bytes = bytes
  }

  /// SHA-256 of the content.
  package var digest: [UInt8] { Digest.sha256(bytes) }
}

/// Something in a scratch folder that was not taken.
package struct SkippedFile: Sendable, Hashable {
  /// Why.
  package enum Reason: String, Sendable, Hashable {
    /// A symbolic link, a pipe, a socket or a device.
    case notRegular = "not_regular"
    /// It has a second name.
    case linked
    /// It is larger than a file may be.
    case tooLarge = "too_large"
    /// More files, or deeper folders, than may be taken.
    case tooMany = "too_many"
    /// Its name is no plain text.
    case badName = "bad_name"
    /// It cannot be read, or was changed meanwhile.
    case unreadable
  }

  /// The name, with what is no plain text replaced.
  package let name: String
  /// Why it was left.
  package let reason: Reason
}

/// Names of files inside a scratch folder: what can be the name of an artefact.
package enum ScratchPath {
  /// The longest name with its folders, in bytes.
  package static let bytesMax = ArtefactName.bytesMax

  /// The segments of a relative path; `nil` unless all of them are plain.
  package static func segments(_ path: String, depthMax: Int = 8) -> [String]? {
    guard ArtefactName(path) != nil else { return nil }
    let parts = path.split(separator: "/").map(String.init)
    return parts.count <= depthMax ? parts : nil
  }

  /// Whether a name can be one segment.
  package static func isPlain(_ name: String) -> Bool {
    !name.utf8.contains(UInt8(ascii: "/")) && ArtefactName(name) != nil
  }
}
