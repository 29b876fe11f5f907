/// The keys are not usable.
package struct KeyError: Error, CustomStringConvertible {
  /// What to do.
  package let description: String

  /// Makes an error.
  package init(description: String) { self.description = description }
}
