internal import CLinux

/// The memory of this process.
public enum SystemMemory {
  /// Gives the system back what the allocator keeps and nobody uses.
  public static func trim() { malloc_trim(0) }
}
