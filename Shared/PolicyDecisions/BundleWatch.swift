/// Says when a folder of policies has to be read again. Pure: it gets the list of the files.
struct BundleWatch {
  /// The files that were read last, whether they could be used or not.
  private var read: [PolicyFile]
  /// What was seen last.
  private var seen: [PolicyFile]

  init(_ read: [PolicyFile]) {
    self.read = read
    seen = read
  }

  /// Whether to read the folder now: it is another than the one that was read, and nobody writes in it any more.
  mutating func look(_ files: [PolicyFile]) -> Bool {
    defer { seen = files }
    guard files != read, files == seen else { return false }
    read = files
    return true
  }
}
