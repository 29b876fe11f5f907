internal import Glibc

/// A fault of the sandbox itself, never of the code that runs in it.
package struct SandboxFault: Error, Hashable, Sendable, CustomStringConvertible {
  /// What went wrong, without paths.
  package let description: String

  /// A fault with the kernel's reason.
  init(_ text: String, errno code: Int32) { description = "\(text): \(String(cString: strerror(code)))" }

  /// A fault.
  init(_ text: String) { description = text }
}
