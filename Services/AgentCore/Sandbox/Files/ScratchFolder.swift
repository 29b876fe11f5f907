internal import CLinux
internal import Crypto
internal import Glibc

/// The one folder that a worker can write, seen from outside. What is in it is hostile: nothing is opened by a path
/// that the kernel may follow out of it, nothing is waited for, nothing but plain files is read. The functions block.
package struct ScratchFolder: Sendable {
  /// Where it is.
  package let path: String
  private let limits: ScratchLimits

  /// Makes a new empty folder, for `owner` when this process can give it away. Throws when there is one already.
  package static func create(
    _ path: String, owner: UInt32?, limits: ScratchLimits
  ) throws(SandboxFault) -> ScratchFolder {
    guard mkdir(path, 0o700) == 0 else { throw SandboxFault("no scratch folder can be made", errno: errno) }
    if let owner, chown(path, owner, owner) != 0 {
      let reason = errno
      rmdir(path)
      throw SandboxFault("a scratch folder cannot be given to its user", errno: reason)
    }
    return ScratchFolder(path: path, limits: limits)
  }

  private init(path: String, limits: ScratchLimits) {
    self.path = path
    self.limits = limits
  }

  private func open() throws(SandboxFault) -> Int32 {
    let folder = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard folder >= 0 else { throw SandboxFault("a scratch folder cannot be opened", errno: errno) }
    return folder
  }

  // MARK: In

  /// Deletes what is in it; `false` when something is left.
  package func clear() -> Bool {
    guard let root = try? open() else { return false }
    defer { close(root) }
    return FolderRemoval.empty(root)
  }

  /// Copies files in, replacing those of the same name. No folder and no file that is there already is followed.
  package func put(_ files: [SandboxFile], owner: UInt32?) throws(SandboxFault) {
    let root = try open()
    defer { close(root) }
    for file in files {
      guard let segments = ScratchPath.segments(file.name, depthMax: limits.depthMax) else {
        throw SandboxFault("a file has no plain name", errno: EINVAL)
      }
      try put(file.bytes, segments, root, owner)
    }
  }

  private func put(
    _ bytes: [UInt8], _ segments: [String], _ root: Int32, _ owner: UInt32?
  ) throws(SandboxFault) {
    var folder = root
    defer { if folder != root { close(folder) } }
    for name in segments.dropLast() {
      if mkdirat(folder, name, 0o700) == 0, let owner {
        _ = fchownat(folder, name, owner, owner, AT_SYMLINK_NOFOLLOW)
      }
      let next = cadre_open_beneath(folder, name, UInt64(O_RDONLY | O_DIRECTORY), 0)
      guard next >= 0 else { throw SandboxFault("a folder for a file cannot be made", errno: errno) }
      if folder != root { close(folder) }
      folder = next
    }
    guard let name = segments.last else { return }
    // A new file always: one that is there may be a link, a pipe, or open elsewhere.
    if unlinkat(folder, name, 0) != 0, errno != ENOENT {
      throw SandboxFault("a file cannot be replaced", errno: errno)
    }
    let target = cadre_open_beneath(folder, name, UInt64(O_WRONLY | O_CREAT | O_EXCL), 0o600)
    guard target >= 0 else { throw SandboxFault("a file cannot be copied in", errno: errno) }
    defer { close(target) }
    if let owner, fchown(target, owner, owner) != 0 {
      throw SandboxFault("a file cannot be given to its user", errno: errno)
    }
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes { write(target, $0.baseAddress.map { $0 + written }, bytes.count - written) }
      guard count > 0 else { throw SandboxFault("a file cannot be copied in", errno: errno) }
      written += count
    }
  }

  // MARK: Out

  /// What was found after a job.
  package struct Harvest: Sendable, Hashable {
    /// Plain files that are new or have changed, in order of their names.
    package var files: [SandboxFile] = []
    /// What was left, at most 32 of them.
    package var skipped: [SkippedFile] = []
    /// Digests of all plain files that are there now.
    package var known: [String: [UInt8]] = [:]
    /// Bytes of all plain files.
    package var bytes = 0
    /// Bytes of those that were read.
    package var readBytes = 0
    /// Files and folders.
    package var entries = 0
  }

  /// Takes the plain files whose content is not in `known`.
  package func harvest(known: [String: [UInt8]]) throws(SandboxFault) -> Harvest {
    let root = try open()
    defer { close(root) }
    var harvest = Harvest()
    walk(root, prefix: "", depth: 1, known, &harvest)
    harvest.files.sort { $0.name < $1.name }
    return harvest
  }

  private static let skippedMax = 32

  private func skip(_ name: String, _ reason: SkippedFile.Reason, _ harvest: inout Harvest) {
    guard harvest.skipped.count < ScratchFolder.skippedMax else { return }
    harvest.skipped.append(SkippedFile(name: name, reason: reason))
  }

  private func walk(
    _ folder: Int32, prefix: String, depth: Int, _ known: [String: [UInt8]], _ harvest: inout Harvest
  ) {
    guard let listing = FolderListing.names(in: folder, limit: max(0, limits.entriesMax - harvest.entries)) else {
      return skip(prefix, .unreadable, &harvest)
    }
    if !listing.isComplete { skip(prefix, .tooMany, &harvest) }
    harvest.entries += listing.names.count
    for raw in listing.names {
      guard let name = FolderListing.text(raw), ScratchPath.isPlain(name),
        prefix.utf8.count + name.utf8.count <= ScratchPath.bytesMax
      else {
        skip(prefix + FolderListing.shown(raw), .badName, &harvest)
        continue
      }
      entry(name, in: folder, prefix: prefix, depth: depth, known, &harvest)
    }
  }

  private func entry(
    _ name: String, in folder: Int32, prefix: String, depth: Int, _ known: [String: [UInt8]],
    _ harvest: inout Harvest
  ) {
    let path = prefix + name
    var status = stat()
    guard fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return skip(path, .unreadable, &harvest) }
    switch status.st_mode & S_IFMT {
    case S_IFDIR:
      guard depth < limits.depthMax else { return skip(path, .tooMany, &harvest) }
      let next = cadre_open_beneath(folder, name, UInt64(O_RDONLY | O_DIRECTORY), 0)
      guard next >= 0 else { return skip(path, .unreadable, &harvest) }
      defer { close(next) }
      walk(next, prefix: path + "/", depth: depth + 1, known, &harvest)
    case S_IFREG: take(name, path, in: folder, known, &harvest)
    // Not even opened: opening a device can do something.
    default: skip(path, .notRegular, &harvest)
    }
  }

  private func take(
    _ name: String, _ path: String, in folder: Int32, _ known: [String: [UInt8]], _ harvest: inout Harvest
  ) {
    let source = cadre_open_beneath(folder, name, UInt64(O_RDONLY | O_NOCTTY), 0)
    guard source >= 0 else { return skip(path, .unreadable, &harvest) }
    defer { close(source) }
    // Of what was opened, not of what had the name before.
    var status = stat()
    guard fstat(source, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      return skip(path, .notRegular, &harvest)
    }
    guard status.st_nlink == 1 else { return skip(path, .linked, &harvest) }
    let size = Int(clamping: status.st_size)
    harvest.bytes += min(size, Int.max - harvest.bytes)
    // Holes take no space and so no quota: what is read is bounded by the sizes.
    guard size <= limits.fileBytesMax, size <= limits.bytesMax - harvest.readBytes else {
      return skip(path, .tooLarge, &harvest)
    }
    harvest.readBytes += size
    guard let bytes = ScratchFolder.read(source, size: size) else { return skip(path, .unreadable, &harvest) }
    let digest = Digest.sha256(bytes)
    harvest.known[path] = digest
    guard known[path] != digest else { return }
    guard harvest.files.reduce(bytes.count, { $0 + $1.bytes.count }) <= limits.takenBytesMax else {
      return skip(path, .tooLarge, &harvest)
    }
    harvest.files.append(SandboxFile(name: path, bytes: bytes))
  }

  /// Reads at most `size` bytes; `nil` when there are fewer or more.
  private static func read(_ source: Int32, size: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: size + 1)
    var filled = 0
    while filled < bytes.count {
      let count = bytes.withUnsafeMutableBytes { buffer in
        Glibc.read(source, buffer.baseAddress.map { $0 + filled }, size + 1 - filled)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      filled += count
    }
    guard filled == size else { return nil }
    bytes.removeLast()
    return bytes
  }

  // MARK: How full it is

  /// Whether there is more in it than there may be: allocated bytes and entries, links and pipes included. Looks at a
  /// bounded number of entries.
  package func isOverQuota() -> Bool {
    guard let root = try? open() else { return true }
    defer { close(root) }
    var entries = 0
    var bytes: Int64 = 0
    return exceeds(root, depth: 1, &entries, &bytes)
  }

  private func exceeds(_ folder: Int32, depth: Int, _ entries: inout Int, _ bytes: inout Int64) -> Bool {
    guard let listing = FolderListing.names(in: folder, limit: max(0, limits.entriesMax - entries)) else {
      return false
    }
    guard listing.isComplete else { return true }
    entries += listing.names.count
    for name in listing.names {
      var status = stat()
      // It may be gone by now.
      guard FolderListing.with(name, { fstatat(folder, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0 else { continue }
      bytes += min(max(0, Int64(status.st_blocks)), Int64(1) << 40) * 512
      if bytes > Int64(limits.bytesMax) { return true }
      guard status.st_mode & S_IFMT == S_IFDIR else { continue }
      // Deeper than anybody needs: a way to hide.
      guard depth < limits.depthMax * 4 else { return true }
      let next = FolderListing.with(name) { cadre_open_beneath(folder, $0, UInt64(O_RDONLY | O_DIRECTORY), 0) }
      // A folder that its owner has closed hides what is in it.
      if next < 0, errno == EACCES { return true }
      guard next >= 0 else { continue }
      defer { close(next) }
      if exceeds(next, depth: depth + 1, &entries, &bytes) { return true }
    }
    return false
  }
}
