/// How the order of equals is chosen. The raw values are part of the API.
public enum Strategy: String, Sendable, CaseIterable, Hashable {
  /// By priority, then by weight.
  case priority
  /// At random, by weight.
  case weighted
  /// The cheapest for this call first; those without a price last.
  case cheapest
  /// The one with the shortest time to the first token lately first.
  case fastest
  /// The one with the fewest calls in flight for its weight first.
  case leastBusy = "least_busy"
}
