public import Contracts
public import HTTP

/// Parts of paths that several addresses read.
public enum PathParameter {
  /// The id of a `what`, the kind of the id unless said otherwise. A malformed one names nothing: throws a 404
  /// `Problem`.
  public static func id<Kind: IdentifiedKind>(
    _ request: HTTPRequest, _ kind: ID<Kind>.Type, of what: String = Kind.prefix
  ) throws(Problem) -> ID<Kind> { try id(request.parameters, kind, of: what) }

  /// The same for the parameters of a path.
  public static func id<Kind: IdentifiedKind>(
    _ parameters: PathParameters, _ kind: ID<Kind>.Type, of what: String = Kind.prefix
  ) throws(Problem) -> ID<Kind> {
    guard let id = parameters["id"].flatMap({ ID<Kind>($0) }) else { throw .notFound(what) }
    return id
  }

  /// A name that people choose: 1 to `bytesMax` bytes without spaces and control characters. Throws a 400 `Problem`.
  public static func name(_ request: HTTPRequest, _ parameter: String, bytesMax: Int) throws(Problem) -> String {
    try name(request.parameters, parameter, bytesMax: bytesMax)
  }

  /// The same for the parameters of a path.
  public static func name(_ parameters: PathParameters, _ parameter: String, bytesMax: Int) throws(Problem) -> String {
    guard let name = parameters[parameter], !name.isEmpty, name.utf8.count <= bytesMax,
      !name.unicodeScalars.contains(where: { $0.value < 33 })
    else {
      throw .badParameter(parameter, "1 to \(bytesMax) bytes without spaces and control characters are expected.")
    }
    return name
  }
}
