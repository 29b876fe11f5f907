internal import Crypto
internal import JSON
internal import Primitives

/// The identity of a call: identical calls have the same digest.
public enum ToolDigest {
  /// Digest of a call as a model has written it: its name and its arguments, in order of their names and otherwise byte
  /// by byte, so that numbers are never taken for others that are only near. 64 hexadecimal digits.
  public static func digest(_ name: String, _ arguments: String) -> String {
    var bytes = Array(name.utf8) + [0]
    if let root = (try? JSONDocument(parsing: arguments))?.root, root.kind == .object {
      let members = root.members.map { (key: $0.key.string ?? "", value: $0.value.rawBytes) }
      for member in members.sorted(by: { $0.key.utf16.lexicographicallyPrecedes($1.key.utf16) }) {
        bytes += Array(member.key.utf8) + [0] + member.value + [0]
      }
    } else {
      bytes += [1] + Array(arguments.utf8)
    }
    return Hex.encode(Digest.sha256(bytes))
  }
}
