internal import HTTPWire

extension ProblemCode {
  /// What any address can answer with.
  static let requests: [ProblemCode] = [
    malformedJSON, invalidParameter, malformedPath, malformedContent, upgradeWithBody, noSuchAddress, methodNotAllowed,
    bodyTooLarge, bodyTooSlow, unsupportedMediaType, unsupportedContentEncoding, notAcceptable, originRefused,
    invalidInput, internalError, routeError,
  ]

  /// `malformed_json`
  public static let malformedJSON = ProblemCode(
    "malformed_json", .badRequest, meaning: "The body is not valid JSON.",
    remedy: "Correct it where `detail` says.")
  /// `invalid_parameter`
  public static let invalidParameter = ProblemCode(
    "invalid_parameter", .badRequest, meaning: "A header, a part of the path or a query item is not valid.",
    remedy: "See `errors` for what is expected.")
  /// `malformed_path`
  public static let malformedPath = ProblemCode(
    "malformed_path", .badRequest, meaning: "The path is not valid percent-encoding.",
    remedy: "Encode its parts as UTF-8 with percent signs.")
  /// `malformed_content`
  public static let malformedContent = ProblemCode(
    "malformed_content", .badRequest, meaning: "The body is not in the coding that Content-Encoding names.",
    remedy: "Send it whole and in that coding.")
  /// `upgrade_with_body`
  public static let upgradeWithBody = ProblemCode(
    "upgrade_with_body", .badRequest, meaning: "A request for an upgrade has a body.", remedy: "Send it without.")
  /// `no_such_address`
  public static let noSuchAddress = ProblemCode(
    "no_such_address", .notFound, meaning: "Nothing answers at this path.",
    remedy: "Check the path and the base URL.")
  /// `method_not_allowed`
  public static let methodNotAllowed = ProblemCode(
    "method_not_allowed", .methodNotAllowed, meaning: "The address answers other methods.",
    remedy: "Use one of those in `Allow`.")
  /// `body_too_large`
  public static let bodyTooLarge = ProblemCode(
    "body_too_large", .contentTooLarge, meaning: "The body is larger than the limit of this address.",
    remedy: "Send less; `detail` says how many bytes are allowed.")
  /// `body_too_slow`
  public static let bodyTooSlow = ProblemCode(
    "body_too_slow", .requestTimeout, meaning: "The rest of the body did not arrive in time.",
    remedy: "Send it again, faster.")
  /// `unsupported_media_type`
  public static let unsupportedMediaType = ProblemCode(
    "unsupported_media_type", .unsupportedMediaType, meaning: "The body has another media type than the address reads.",
    remedy: "Send it as application/json.")
  /// `unsupported_content_encoding`
  public static let unsupportedContentEncoding = ProblemCode(
    "unsupported_content_encoding", .unsupportedMediaType, meaning: "The body has a coding that is not known here.",
    remedy: "Use one of those in `Accept-Encoding`.")
  /// `not_acceptable`
  public static let notAcceptable = ProblemCode(
    "not_acceptable", .notAcceptable, meaning: "The request takes no form that the address answers in.",
    remedy: "Send `Accept: application/json, text/event-stream`.")
  /// `origin_refused`
  public static let originRefused = ProblemCode(
    "origin_refused", .forbidden, meaning: "The request comes from a web page of an origin that is not allowed.",
    remedy:
      "Allow the origin with `cors.allowed_origins` (at `/mcp`: `mcp.allowed_origins`), or call without a browser.")
  /// `invalid_input`
  public static let invalidInput = ProblemCode(
    "invalid_input", .unprocessableContent, meaning: "Members of the document are not valid.",
    remedy: "See `errors` for each of them.")
  /// `internal_error`
  public static let internalError = ProblemCode(
    "internal_error", .internalServerError, meaning: "Something failed that should not.",
    remedy: "Find the reason in the logs by `trace_id`, and report it.")
  /// `route_error`
  public static let routeError = ProblemCode(
    "route_error", .internalServerError, meaning: "The code of an address asks for a parameter that its path lacks.",
    remedy: "Report it.")
}

extension ProblemCode {
  /// Who calls.
  static let callers: [ProblemCode] = [
    unauthorized, invalidAPIKey, expiredAPIKey, revokedAPIKey, assertionMissing, assertionInvalid, assertionExpired,
    workerCredentialInvalid, assertionRefused, operatorRequired, scopeMissing,
  ]

  /// `unauthorized`
  public static let unauthorized = ProblemCode(
    "unauthorized", .unauthorized, meaning: "The request has no API key, or one that is not known.",
    remedy: "Send it as `Authorization: Bearer KEY` or `X-API-Key: KEY`.")
  /// `invalid_api_key`
  public static let invalidAPIKey = ProblemCode(
    "invalid_api_key", .unauthorized, meaning: "The key is missing, unknown or not valid here.",
    remedy: "Use a valid key.")
  /// `expired_api_key`
  public static let expiredAPIKey = ProblemCode(
    "expired_api_key", .unauthorized, meaning: "The virtual key has expired.", remedy: "Make a new one.")
  /// `revoked_api_key`
  public static let revokedAPIKey = ProblemCode(
    "revoked_api_key", .unauthorized, meaning: "The virtual key was revoked.", remedy: "Make a new one.")
  /// `assertion_missing`
  public static let assertionMissing = ProblemCode(
    "assertion_missing", .unauthorized, meaning: "A request between services carries no signed assertion.",
    remedy: "Call through the gateway.")
  /// `assertion_invalid`
  public static let assertionInvalid = ProblemCode(
    "assertion_invalid", .unauthorized, meaning: "The signed assertion is not valid for this service.",
    remedy: "Check that both services have the same keys of identity.")
  /// `assertion_expired`
  public static let assertionExpired = ProblemCode(
    "assertion_expired", .unauthorized, meaning: "The signed assertion has expired.",
    remedy: "Check that the clocks of the hosts agree.")
  /// `worker_credential_invalid`
  public static let workerCredentialInvalid = ProblemCode(
    "worker_credential_invalid", .unauthorized, meaning: "The credential of the worker is missing or not known.",
    remedy: "Give worker and orchestrator the same `identity.worker_keys`.")
  /// `assertion_refused`
  public static let assertionRefused = ProblemCode(
    "assertion_refused", .badGateway, meaning: "A service does not accept the assertions of the gateway.",
    remedy: "Give both the same `identity.gateway_keys`, and check that the clocks of the hosts agree.")
  /// `operator_required`
  public static let operatorRequired = ProblemCode(
    "operator_required", .forbidden, meaning: "Only an operator may see and change what all tenants use.",
    remedy: "Use a key of an operator.")
  /// `scope_missing`
  public static let scopeMissing = ProblemCode(
    "scope_missing", .forbidden, meaning: "The caller is known and has no right to this address.",
    remedy: "Use a key with that right.")
}

extension ProblemCode {
  /// Nothing is wrong with the request.
  static let availability: [ProblemCode] = [
    starting, overloaded, storageUnavailable, upstreamFailed, upstreamUnavailable, upstreamTimeout,
  ]

  /// `starting`
  public static let starting = ProblemCode(
    "starting", .serviceUnavailable, meaning: "The service is starting or ending; nothing was done.",
    remedy: "Try again in a moment.")
  /// `overloaded`
  public static let overloaded = ProblemCode(
    "overloaded", .serviceUnavailable, meaning: "Too many requests are waiting, or there is no memory for the body.",
    remedy: "Try again shortly.")
  /// `storage_unavailable`
  public static let storageUnavailable = ProblemCode(
    "storage_unavailable", .serviceUnavailable, meaning: "The database cannot be reached, or did not confirm.",
    remedy: "Try again; `detail` says whether something may have been changed.")
  /// `upstream_failed`
  public static let upstreamFailed = ProblemCode(
    "upstream_failed", .badGateway, meaning: "The connection between gateway and service broke.",
    remedy: "`detail` says whether a repetition is safe.")
  /// `upstream_unavailable`
  public static let upstreamUnavailable = ProblemCode(
    "upstream_unavailable", .serviceUnavailable, meaning: "No replica of the service can be reached; nothing was done.",
    remedy: "Try again shortly.")
  /// `upstream_timeout`
  public static let upstreamTimeout = ProblemCode(
    "upstream_timeout", .gatewayTimeout, meaning: "The service did not answer in time.",
    remedy: "Look whether the request was carried out before you repeat it.")
}

extension ProblemCode {
  /// Faults of the HTTP message, by the names of the parser. Those of answers do not reach callers.
  static let framing: [ProblemCode] = HTTPWireError.Code.allCases.compactMap { code in
    let error = HTTPWireError(code)
    guard error.status != .badGateway, code != .methodNotAllowed else { return nil }
    return ProblemCode(code.rawValue, error.status, meaning: error.message, remedy: "Correct the request.")
  }

  /// Of the provider for tests.
  static let mockProvider: [ProblemCode] = [badScripts]

  /// `bad_scripts`
  public static let badScripts = ProblemCode(
    "bad_scripts", .badRequest, meaning: "The scripts cannot be read.", remedy: "Correct them where `detail` says.")
}
