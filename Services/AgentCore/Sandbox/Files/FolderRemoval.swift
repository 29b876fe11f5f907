internal import CLinux
internal import Glibc

/// Deletes a folder with all that is in it, by descriptors and without following anything. What is deep is not walked
/// into by recursion: a folder is moved up to the root before it is emptied, so that no depth and no length of a path
/// can stop it.
package enum FolderRemoval {
  private static let batch = 1024
  /// More than any quota lets a job make.
  private static let roundsMax = 100_000
  /// O_PATH, which the C library shows to GNU sources only; the same on x86_64 and aarch64.
  private static let nameOnly: Int32 = 0o10_000_000

  /// Deletes; `false` when something is left.
  package static func remove(_ path: String) -> Bool {
    var root = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    if root < 0, errno == EACCES, permit(open(path, nameOnly | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) {
      root = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    }
    guard root >= 0 else { return errno == ENOENT }
    defer { close(root) }
    return empty(root) && rmdir(path) == 0
  }

  /// Deletes the folders in /tmp whose name is `prefix` with the id of a process that is gone.
  package static func removeLeft(prefix: String) {
    guard let folder = opendir("/tmp") else { return }
    defer { closedir(folder) }
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      let path = "/tmp/\(name)"
      guard path.hasPrefix(prefix), let process = Int32(path.dropFirst(prefix.count)), process > 1,
        kill(process, 0) != 0, errno == ESRCH
      else { continue }
      _ = remove(path)
    }
  }

  /// Gives a folder that its owner has closed to itself its permissions back; closes the descriptor. Without privilege
  /// it cannot be opened before, and a descriptor that only names it cannot change them.
  private static func permit(_ folder: Int32) -> Bool {
    guard folder >= 0 else { return false }
    defer { close(folder) }
    return chmod("/proc/self/fd/\(folder)", 0o700) == 0
  }

  /// Deletes what is in a folder.
  static func empty(_ root: Int32) -> Bool {
    _ = fchmod(root, 0o700)
    var moved: UInt64 = 0
    for _ in 0..<roundsMax {
      guard let listing = FolderListing.names(in: root, limit: batch) else { return false }
      if listing.names.isEmpty { return true }
      var progressed = false
      for name in listing.names {
        if FolderListing.with(name, { unlinkat(root, $0, 0) }) == 0 {
          progressed = true
          continue
        }
        if FolderListing.with(name, { unlinkat(root, $0, AT_REMOVEDIR) }) == 0 {
          progressed = true
          continue
        }
        var folder = FolderListing.with(name) { cadre_open_beneath(root, $0, UInt64(O_RDONLY | O_DIRECTORY), 0) }
        if folder < 0, errno == EACCES,
          permit(FolderListing.with(name) { openat(root, $0, nameOnly | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) })
        {
          folder = FolderListing.with(name) { cadre_open_beneath(root, $0, UInt64(O_RDONLY | O_DIRECTORY), 0) }
        }
        guard folder >= 0 else { continue }
        defer { close(folder) }
        if flatten(folder, into: root, &moved) { progressed = true }
      }
      guard progressed else { return false }
    }
    return false
  }

  /// Deletes the files of a folder, and moves its folders to the root, where the next round meets them.
  private static func flatten(_ folder: Int32, into root: Int32, _ moved: inout UInt64) -> Bool {
    _ = fchmod(folder, 0o700)
    guard let listing = FolderListing.names(in: folder, limit: batch) else { return false }
    var progressed = false
    for name in listing.names {
      if FolderListing.with(name, { unlinkat(folder, $0, 0) }) == 0 {
        progressed = true
        continue
      }
      if FolderListing.with(name, { unlinkat(folder, $0, AT_REMOVEDIR) }) == 0 {
        progressed = true
        continue
      }
      // A name of ours that is taken already means another try with the next one.
      for _ in 0..<8 {
        moved &+= 1
        if FolderListing.with(name, { renameat(folder, $0, root, ".removed-\(moved)") }) == 0 {
          progressed = true
          break
        }
        // A folder that is closed cannot be moved, because that changes it.
        if errno == EACCES {
          _ = permit(FolderListing.with(name) { openat(folder, $0, nameOnly | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) })
        }
      }
    }
    return progressed
  }
}
