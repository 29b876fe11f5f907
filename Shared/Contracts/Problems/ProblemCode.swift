public import HTTPWire

/// The stable name of a kind of problem, with its status, what it means and what to do. Every error that a service
/// answers with has one; `docs/errors.md` is made of them.
public struct ProblemCode: Hashable, Sendable {
  /// The name in answers, for example `task_not_found`. It never changes.
  public let name: String
  /// The usual status.
  public let status: HTTPStatus
  /// Others that it comes with, where several addresses use the code.
  public let otherStatuses: [HTTPStatus]
  /// What has happened, in a sentence.
  public let meaning: String
  /// What whoever meets it does, in a sentence.
  public let remedy: String

  init(_ name: String, _ status: HTTPStatus, or others: HTTPStatus..., meaning: String, remedy: String) {
    self.name = name
    self.status = status
    otherStatuses = others
    self.meaning = meaning
    self.remedy = remedy
  }

  /// Every status that it comes with.
  public var statuses: [HTTPStatus] { [status] + otherStatuses }

  /// The sentence of an answer that has nothing to add.
  public var detail: String { "\(meaning) \(remedy)" }
}
