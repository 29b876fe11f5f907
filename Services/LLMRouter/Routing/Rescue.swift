/// What becomes of a stream that breaks after its caller has seen some of it. The raw values are part of the API.
public enum Rescue: String, Sendable, CaseIterable, Hashable {
  /// The next model goes on with the text so far.
  case `continue`
  /// Nothing is shown before all of it is there, so the next model begins anew.
  case buffer
}
