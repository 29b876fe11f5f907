import Glibc

/// The files that the rules look at.
struct Repository {
  /// The text files, sorted by path.
  let files: [SourceFile]
  /// Files that are no text.
  let binaries: Set<String>
  /// The bytes of each file.
  let sizes: [String: Int]
  /// Every file and folder, for links.
  let paths: Set<String>

  /// A repository in memory, for the tests of the rules.
  init(_ texts: [String: String], binaries: [String] = []) {
    var contents: [String: [UInt8]?] = texts.mapValues { Array($0.utf8) }
    for path in binaries { contents[path] = .some(nil) }
    self.init(contents: contents, sizes: texts.mapValues { $0.utf8.count }, folders: [])
  }

  private init(contents: [String: [UInt8]?], sizes: [String: Int], folders: Set<String>) {
    binaries = Set(contents.filter { $0.value == nil }.keys)
    self.sizes = sizes
    files = contents.compactMap { path, bytes in bytes.map { SourceFile(path: path, bytes: $0) } }
      .sorted { $0.path < $1.path }
    var paths = folders.union(contents.keys)
    for path in contents.keys {
      var parent = path
      while let slash = parent.lastIndex(of: "/") {
        parent = String(parent[..<slash])
        paths.insert(parent)
      }
    }
    self.paths = paths
  }

  /// The repository that this file belongs to, read once.
  static let current = Repository(root: rootOfThisFile)

  private static var rootOfThisFile: String {
    // …/Tests/TidyTests/Repository.swift, which may have been compiled through a symbolic link.
    var path = Substring(#filePath)
    if let real = realpath(#filePath, nil) {
      path = Substring(String(cString: real))
      free(real)
    }
    for _ in 0..<3 { path = path[..<(path.lastIndex(of: "/") ?? path.startIndex)] }
    return String(path)
  }

  /// Folders that hold no sources of ours.
  private static let skippedFolders: Set<String> = ["node_modules", "__pycache__"]

  /// Reads a folder. Hidden entries are skipped, as are symbolic links.
  init(root: String) {
    var contents: [String: [UInt8]?] = [:]
    var sizes: [String: Int] = [:]
    var folders: Set<String> = []
    var pending = [""]
    while let folder = pending.popLast() {
      guard let stream = opendir(folder.isEmpty ? root : "\(root)/\(folder)") else { continue }
      defer { closedir(stream) }
      while let entry = readdir(stream) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name.hasPrefix(".") || Self.skippedFolders.contains(name) { continue }
        let path = folder.isEmpty ? name : "\(folder)/\(name)"
        var status = stat()
        guard lstat("\(root)/\(path)", &status) == 0 else { continue }
        if status.st_mode & S_IFMT == S_IFDIR {
          folders.insert(path)
          pending.append(path)
        } else if status.st_mode & S_IFMT == S_IFREG {
          contents[path] = .some(Self.text(of: "\(root)/\(path)", size: Int(status.st_size)))
          sizes[path] = Int(status.st_size)
        }
      }
    }
    self.init(contents: contents, sizes: sizes, folders: folders)
  }

  /// Files beyond this are data, whatever they hold.
  private static let textBytesMaximum = 2 * 1024 * 1024

  /// The bytes of a text file, `nil` for anything else.
  private static func text(of path: String, size: Int) -> [UInt8]? {
    guard size <= textBytesMaximum, let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: size)
    let count = fread(&bytes, 1, size, file)
    bytes.removeLast(size - count)
    guard memchr(bytes, 0, bytes.count) == nil, String(validating: bytes, as: UTF8.self) != nil else { return nil }
    return bytes
  }
}
