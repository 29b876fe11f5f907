internal import Glibc
internal import LocalStack

/// Reads the policies of folders: modules (`*.rego`) at any level, and the tables in `data/*.json`, whose members stand
/// below `data.cadre.config`.
package enum PolicyFolder {
  /// Where the tables of a folder stand.
  package static let configuration = ["cadre", "config"]

  private static let filesMax = 2000
  private static let levelsMax = 8
  private static let moduleBytesMax = 1 << 20
  private static let dataBytesMax = 64 << 20

  /// Reads folders and single modules.
  package static func read(_ paths: [String]) throws(PolicySourceError) -> PolicySources {
    var sources = PolicySources()
    for path in paths {
      let path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
      guard FileAccess.exists(path) else { throw PolicySourceError("\(path) does not exist") }
      if isFolder(path) {
        try read(folder: path, level: 0, &sources)
      } else if path.hasSuffix(".rego") {
        sources.modules.append(try module(path))
      } else {
        throw PolicySourceError("\(path) is neither a folder nor a .rego file")
      }
    }
    sources.modules.sort { $0.file < $1.file }
    return sources
  }

  /// The modules of folders, by file.
  package static func modules(_ paths: [String]) throws(PolicySourceError) -> [PolicySources.Module] {
    try read(paths).modules
  }

  /// The content of a file of data.
  package static func bytes(_ path: String) throws(PolicySourceError) -> [UInt8] {
    guard let bytes = FileAccess.bytes(path, bytesMax: dataBytesMax) else {
      throw PolicySourceError("\(path) cannot be read")
    }
    return bytes
  }

  private static func read(folder: String, level: Int, _ sources: inout PolicySources) throws(PolicySourceError) {
    guard level <= levelsMax else { throw PolicySourceError("\(folder): folders stand too deep in each other") }
    for name in try names(folder) where !name.hasPrefix(".") {
      let path = "\(folder)/\(name)"
      if isFolder(path) {
        try read(folder: path, level: level + 1, &sources)
      } else if name.hasSuffix(".rego") {
        sources.modules.append(try module(path))
      } else if level == 1, folder.hasSuffix("/data"), name.hasSuffix(".json") {
        try sources.add(try bytes(path), at: configuration, from: path)
      }
      guard sources.modules.count <= filesMax else { throw PolicySourceError("\(folder): too many files") }
    }
  }

  private static func module(_ path: String) throws(PolicySourceError) -> PolicySources.Module {
    guard let text = FileAccess.bytes(path, bytesMax: moduleBytesMax) else {
      throw PolicySourceError("\(path) cannot be read, or has more than \(moduleBytesMax) bytes")
    }
    return PolicySources.Module(file: path, text: text)
  }

  private static func names(_ folder: String) throws(PolicySourceError) -> [String] {
    guard let directory = opendir(folder) else { throw PolicySourceError("\(folder) cannot be read") }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory), names.count <= filesMax {
      names.append(
        withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
    }
    return names.sorted()
  }

  /// Whether it is a folder; links to folders are none, so no folder is read twice.
  private static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}
