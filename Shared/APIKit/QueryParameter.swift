public import Contracts
public import HTTP
public import HTTPWire
public import Primitives

/// Items of queries that several addresses read.
public enum QueryParameter {
  /// `limit` of a list. Throws a 400 `Problem` outside of 1 to `max`.
  public static func limit(_ query: QueryItems, standard: Int, max: Int) throws(Problem) -> Int {
    guard let text = query["limit"] else { return standard }
    guard let limit = Int(text), limit >= 1, limit <= max else {
      throw .badParameter("?limit", "A whole number from 1 to \(max) is expected.")
    }
    return limit
  }

  /// An id; `nil` when the item is absent.
  public static func id<Kind: IdentifiedKind>(
    _ query: QueryItems, _ name: String, hint: String = "An id is expected."
  ) throws(Problem) -> ID<Kind>? {
    guard let text = query[name] else { return nil }
    guard let id = ID<Kind>(text) else { throw .badParameter("?\(name)", hint) }
    return id
  }

  /// A time as RFC 3339 writes it; `nil` when the item is absent.
  public static func time(_ query: QueryItems, _ name: String) throws(Problem) -> Timestamp? {
    guard let text = query[name] else { return nil }
    guard let time = Timestamp(rfc3339: text) else {
      throw .badParameter("?\(name)", "A time as 2026-01-31T00:00:00Z is expected.")
    }
    return time
  }

  /// One word of those that are allowed; `nil` when the item is absent.
  public static func word(_ query: QueryItems, _ name: String, allowed: [String]) throws(Problem) -> String? {
    guard let text = query[name] else { return nil }
    guard allowed.contains(text) else {
      throw .badParameter("?\(name)", "One of \(allowed.joined(separator: ", ")) is expected.")
    }
    return text
  }

  /// `true` or `false`; `nil` when the item is absent.
  public static func bool(_ query: QueryItems, _ name: String) throws(Problem) -> Bool? {
    switch query[name] {
    case nil: nil
    case "true": true
    case "false": false
    default: throw .badParameter("?\(name)", "true or false is expected.")
    }
  }
}
