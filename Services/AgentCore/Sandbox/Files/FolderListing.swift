internal import CLinux
internal import Glibc

/// The entries of a folder, by its descriptor.
struct FolderListing {
  /// Name as the kernel has it, without the terminating zero.
  typealias Name = [CChar]

  /// Reads at most `limit` names; `isComplete` is false when there are more. The descriptor stays open.
  static func names(in folder: Int32, limit: Int) -> (names: [Name], isComplete: Bool)? {
    // A description of its own, so that the place in the folder is not kept.
    let copy = cadre_open_beneath(folder, ".", UInt64(O_RDONLY | O_DIRECTORY), 0)
    guard copy >= 0 else { return nil }
    guard let stream = fdopendir(copy) else {
      close(copy)
      return nil
    }
    defer { closedir(stream) }
    var names: [Name] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { raw in
        Array(raw.bindMemory(to: CChar.self).prefix { $0 != 0 })
      }
      if name == [46] || name == [46, 46] { continue }
      guard names.count < limit else { return (names, false) }
      names.append(name)
    }
    return (names, true)
  }

  /// The name as text, if it is valid UTF-8.
  static func text(_ name: Name) -> String? { String(validating: name.map { UInt8(bitPattern: $0) }, as: UTF8.self) }

  /// The name as text, repaired.
  static func shown(_ name: Name) -> String {
    String(decoding: name.map { UInt8(bitPattern: $0) }, as: UTF8.self).filter { ScratchPath.isPlain(String($0)) }
  }

  /// Lends a name as the kernel wants it.
  static func with<Result>(_ name: Name, _ body: (UnsafePointer<CChar>) -> Result) -> Result {
    (name + [0]).withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return "".withCString(body) }
      return body(base)
    }
  }
}
