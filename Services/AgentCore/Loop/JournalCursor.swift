internal import Contracts

/// The record of earlier attempts, read once from its beginning to its end.
struct JournalCursor: Sendable {
  /// The names of notes that the loop makes.
  enum Note: String, Sendable {
    /// The tools that the step has from here on.
    case start
    /// Why the agent gets one last turn.
    case stop
    /// How many turns are summarised by the model call that follows.
    case compact
    /// What was said to the model about the form of its answer.
    case repair
    /// What is to become of the calls of a turn.
    case policy
    /// What a tool asks a person.
    case question
    /// The belief state.
    case belief
  }

  private let calls: [RecordedCall]
  private(set) var position = 0

  init(_ calls: [RecordedCall]) {
    self.calls = calls
    skipStart()
  }

  /// The entry that comes next; `nil` behind the last one.
  var next: RecordedCall? { position < calls.count ? calls[position] : nil }

  /// Whether everything from here on happens now.
  var isAtEnd: Bool { position >= calls.count }

  /// All entries.
  var count: Int { calls.count }

  /// The tools that an earlier attempt has noted.
  var tools: [OfferedTool]? {
    calls.first { JournalCursor.isNote($0, .start) }.flatMap { ToolDeclaration.tools(ofNote: $0.result) }
  }

  /// Whether there is a note of the tools.
  var hasStart: Bool { calls.contains { JournalCursor.isNote($0, .start) } }

  /// Whether it holds nothing that earlier versions did not have.
  var hasOnlyLegacyKinds: Bool { calls.allSatisfy { $0.kind == .model || $0.kind == .tool } }

  /// The first model call.
  var firstModelCall: RecordedCall? { calls.first { $0.kind == .model } }

  static func isNote(_ call: RecordedCall, _ name: Note) -> Bool { call.kind == .note && call.name == name.rawValue }

  /// Goes to the entry after the next one.
  mutating func advance() {
    position += 1
    skipStart()
  }

  /// The next entry when it is a note of that name; goes on behind it.
  mutating func take(_ note: Note) -> RecordedCall? {
    guard let call = next, JournalCursor.isNote(call, note) else { return nil }
    advance()
    return call
  }

  /// The note of the tools was read at the beginning.
  private mutating func skipStart() {
    while let call = next, JournalCursor.isNote(call, .start) { position += 1 }
  }
}
