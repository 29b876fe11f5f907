/// How much is kept of memories, and the language of their words.
package struct MemoryLimits: Sendable {
  /// Memories of a project.
  package var countMax: Int64
  /// Bytes of their texts and tags.
  package var bytesMax: Int64
  /// The configuration of Postgres' text search that knows the endings of words, for example `english`. Every word is
  /// found as it stands, too.
  package var language: String

  package init(countMax: Int64 = 10_000, bytesMax: Int64 = 32 << 20, language: String = "english") {
    self.countMax = countMax
    self.bytesMax = bytesMax
    self.language = language
  }

  /// The configurations that every server has.
  package static let languages = [
    "simple", "arabic", "armenian", "basque", "catalan", "danish", "dutch", "english", "finnish", "french", "german",
    "greek", "hindi", "hungarian", "indonesian", "irish", "italian", "lithuanian", "nepali", "norwegian", "portuguese",
    "romanian", "russian", "serbian", "spanish", "swedish", "tamil", "turkish", "yiddish",
  ]
}
