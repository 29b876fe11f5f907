internal import JSON

extension JSONFields {
  /// One of the words of an enum; `nil` when the member is absent or, with a fault, when it is another word.
  mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ name: String, _ type: Choice.Type, isRequired: Bool = false
  ) -> Choice? {
    guard let text = string(name, isRequired: isRequired, bytesMax: 20) else { return nil }
    if let value = Choice(rawValue: text) { return value }
    note(name, .notAllowed, "one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
    return nil
  }
}
