internal import APIKit
internal import Contracts
internal import HTTP

extension Problem {
  /// Why a row was not written: it was changed since its `expected` version was read, or there are too many.
  static func notStored(_ expected: Int?, _ what: String) -> Problem {
    expected == nil ? Problem(.tooMany, "There are too many \(what).") : .outdated()
  }
}
