/// A status code (RFC 9110, section 15), 100 to 999.
public struct HTTPStatus: Sendable, Hashable {
  /// The code, always three digits.
  public let code: UInt16

  /// A status of that code; anything that is not three digits becomes 500.
  public init(code: Int) {
    self.code = (100...999).contains(code) ? UInt16(code) : 500
  }

  init(valid code: UInt16) { self.code = code }

  /// 1xx: another response follows (101 excepted, after which the connection speaks another protocol).
  public var isInformational: Bool { code < 200 }
  /// 2xx
  public var isSuccess: Bool { code >= 200 && code < 300 }
  /// 3xx
  public var isRedirection: Bool { code >= 300 && code < 400 }
  /// 4xx
  public var isClientError: Bool { code >= 400 && code < 500 }
  /// 5xx
  public var isServerError: Bool { code >= 500 && code < 600 }
  /// A response of this status never has a body, whatever its fields say (RFC 9112, section 6.3).
  public var forbidsBody: Bool { code < 200 || code == 204 || code == 304 }
}

extension HTTPStatus: CustomStringConvertible {
  /// Code and reason, for example `404 Not Found`.
  public var description: String { "\(code) \(reason)" }
}

extension HTTPStatus {
  /// 100 Continue
  public static let `continue` = HTTPStatus(valid: 100)
  /// 101 Switching Protocols
  public static let switchingProtocols = HTTPStatus(valid: 101)
  /// 103 Early Hints
  public static let earlyHints = HTTPStatus(valid: 103)
  /// 200 OK
  public static let ok = HTTPStatus(valid: 200)
  /// 201 Created
  public static let created = HTTPStatus(valid: 201)
  /// 202 Accepted
  public static let accepted = HTTPStatus(valid: 202)
  /// 204 No Content
  public static let noContent = HTTPStatus(valid: 204)
  /// 206 Partial Content
  public static let partialContent = HTTPStatus(valid: 206)
  /// 301 Moved Permanently
  public static let movedPermanently = HTTPStatus(valid: 301)
  /// 302 Found
  public static let found = HTTPStatus(valid: 302)
  /// 303 See Other
  public static let seeOther = HTTPStatus(valid: 303)
  /// 304 Not Modified
  public static let notModified = HTTPStatus(valid: 304)
  /// 307 Temporary Redirect
  public static let temporaryRedirect = HTTPStatus(valid: 307)
  /// 308 Permanent Redirect
  public static let permanentRedirect = HTTPStatus(valid: 308)
  /// 400 Bad Request
  public static let badRequest = HTTPStatus(valid: 400)
  /// 401 Unauthorized
  public static let unauthorized = HTTPStatus(valid: 401)
  /// 402 Payment Required
  public static let paymentRequired = HTTPStatus(valid: 402)
  /// 403 Forbidden
  public static let forbidden = HTTPStatus(valid: 403)
  /// 404 Not Found
  public static let notFound = HTTPStatus(valid: 404)
  /// 405 Method Not Allowed
  public static let methodNotAllowed = HTTPStatus(valid: 405)
  /// 406 Not Acceptable
  public static let notAcceptable = HTTPStatus(valid: 406)
  /// 408 Request Timeout
  public static let requestTimeout = HTTPStatus(valid: 408)
  /// 409 Conflict
  public static let conflict = HTTPStatus(valid: 409)
  /// 410 Gone
  public static let gone = HTTPStatus(valid: 410)
  /// 411 Length Required
  public static let lengthRequired = HTTPStatus(valid: 411)
  /// 412 Precondition Failed
  public static let preconditionFailed = HTTPStatus(valid: 412)
  /// 413 Content Too Large
  public static let contentTooLarge = HTTPStatus(valid: 413)
  /// 414 URI Too Long
  public static let uriTooLong = HTTPStatus(valid: 414)
  /// 415 Unsupported Media Type
  public static let unsupportedMediaType = HTTPStatus(valid: 415)
  /// 416 Range Not Satisfiable
  public static let rangeNotSatisfiable = HTTPStatus(valid: 416)
  /// 417 Expectation Failed
  public static let expectationFailed = HTTPStatus(valid: 417)
  /// 421 Misdirected Request
  public static let misdirectedRequest = HTTPStatus(valid: 421)
  /// 422 Unprocessable Content
  public static let unprocessableContent = HTTPStatus(valid: 422)
  /// 424 Failed Dependency
  public static let failedDependency = HTTPStatus(valid: 424)
  /// 425 Too Early
  public static let tooEarly = HTTPStatus(valid: 425)
  /// 426 Upgrade Required
  public static let upgradeRequired = HTTPStatus(valid: 426)
  /// 428 Precondition Required
  public static let preconditionRequired = HTTPStatus(valid: 428)
  /// 429 Too Many Requests
  public static let tooManyRequests = HTTPStatus(valid: 429)
  /// 431 Request Header Fields Too Large
  public static let requestHeaderFieldsTooLarge = HTTPStatus(valid: 431)
  /// 451 Unavailable For Legal Reasons
  public static let unavailableForLegalReasons = HTTPStatus(valid: 451)
  /// 499 Client Closed Request
  public static let clientClosedRequest = HTTPStatus(valid: 499)
  /// 500 Internal Server Error
  public static let internalServerError = HTTPStatus(valid: 500)
  /// 501 Not Implemented
  public static let notImplemented = HTTPStatus(valid: 501)
  /// 502 Bad Gateway
  public static let badGateway = HTTPStatus(valid: 502)
  /// 503 Service Unavailable
  public static let serviceUnavailable = HTTPStatus(valid: 503)
  /// 504 Gateway Timeout
  public static let gatewayTimeout = HTTPStatus(valid: 504)
  /// 505 HTTP Version Not Supported
  public static let httpVersionNotSupported = HTTPStatus(valid: 505)
  /// 507 Insufficient Storage
  public static let insufficientStorage = HTTPStatus(valid: 507)
  /// 529 Overloaded
  public static let overloaded = HTTPStatus(valid: 529)
}

extension HTTPStatus {
  /// The registered reason phrase, or the class of the status when it has none.
  public var reason: StaticString {
    switch code {
    case 100: "Continue"
    case 101: "Switching Protocols"
    case 103: "Early Hints"
    case 200: "OK"
    case 201: "Created"
    case 202: "Accepted"
    case 204: "No Content"
    case 206: "Partial Content"
    case 301: "Moved Permanently"
    case 302: "Found"
    case 303: "See Other"
    case 304: "Not Modified"
    case 307: "Temporary Redirect"
    case 308: "Permanent Redirect"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 402: "Payment Required"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 406: "Not Acceptable"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 410: "Gone"
    case 411: "Length Required"
    case 412: "Precondition Failed"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 415: "Unsupported Media Type"
    case 416: "Range Not Satisfiable"
    case 417: "Expectation Failed"
    case 421: "Misdirected Request"
    case 422: "Unprocessable Content"
    case 424: "Failed Dependency"
    case 425: "Too Early"
    case 426: "Upgrade Required"
    case 428: "Precondition Required"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 451: "Unavailable For Legal Reasons"
    case 499: "Client Closed Request"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 502: "Bad Gateway"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    case 505: "HTTP Version Not Supported"
    case 507: "Insufficient Storage"
    case 529: "Overloaded"
    case ..<200: "Informational"
    case ..<300: "Success"
    case ..<400: "Redirection"
    case ..<500: "Client Error"
    case ..<600: "Server Error"
    default: "Unknown"
    }
  }

  /// `HTTP/1.1 code reason CRLF`, complete, for the statuses worth a constant.
  var statusLine: StaticString? {
    switch code {
    case 100: "HTTP/1.1 100 Continue\r\n"
    case 101: "HTTP/1.1 101 Switching Protocols\r\n"
    case 103: "HTTP/1.1 103 Early Hints\r\n"
    case 200: "HTTP/1.1 200 OK\r\n"
    case 201: "HTTP/1.1 201 Created\r\n"
    case 202: "HTTP/1.1 202 Accepted\r\n"
    case 204: "HTTP/1.1 204 No Content\r\n"
    case 206: "HTTP/1.1 206 Partial Content\r\n"
    case 301: "HTTP/1.1 301 Moved Permanently\r\n"
    case 302: "HTTP/1.1 302 Found\r\n"
    case 303: "HTTP/1.1 303 See Other\r\n"
    case 304: "HTTP/1.1 304 Not Modified\r\n"
    case 307: "HTTP/1.1 307 Temporary Redirect\r\n"
    case 308: "HTTP/1.1 308 Permanent Redirect\r\n"
    case 400: "HTTP/1.1 400 Bad Request\r\n"
    case 401: "HTTP/1.1 401 Unauthorized\r\n"
    case 402: "HTTP/1.1 402 Payment Required\r\n"
    case 403: "HTTP/1.1 403 Forbidden\r\n"
    case 404: "HTTP/1.1 404 Not Found\r\n"
    case 405: "HTTP/1.1 405 Method Not Allowed\r\n"
    case 406: "HTTP/1.1 406 Not Acceptable\r\n"
    case 408: "HTTP/1.1 408 Request Timeout\r\n"
    case 409: "HTTP/1.1 409 Conflict\r\n"
    case 410: "HTTP/1.1 410 Gone\r\n"
    case 411: "HTTP/1.1 411 Length Required\r\n"
    case 412: "HTTP/1.1 412 Precondition Failed\r\n"
    case 413: "HTTP/1.1 413 Content Too Large\r\n"
    case 414: "HTTP/1.1 414 URI Too Long\r\n"
    case 415: "HTTP/1.1 415 Unsupported Media Type\r\n"
    case 416: "HTTP/1.1 416 Range Not Satisfiable\r\n"
    case 417: "HTTP/1.1 417 Expectation Failed\r\n"
    case 421: "HTTP/1.1 421 Misdirected Request\r\n"
    case 422: "HTTP/1.1 422 Unprocessable Content\r\n"
    case 424: "HTTP/1.1 424 Failed Dependency\r\n"
    case 425: "HTTP/1.1 425 Too Early\r\n"
    case 426: "HTTP/1.1 426 Upgrade Required\r\n"
    case 428: "HTTP/1.1 428 Precondition Required\r\n"
    case 429: "HTTP/1.1 429 Too Many Requests\r\n"
    case 431: "HTTP/1.1 431 Request Header Fields Too Large\r\n"
    case 451: "HTTP/1.1 451 Unavailable For Legal Reasons\r\n"
    case 499: "HTTP/1.1 499 Client Closed Request\r\n"
    case 500: "HTTP/1.1 500 Internal Server Error\r\n"
    case 501: "HTTP/1.1 501 Not Implemented\r\n"
    case 502: "HTTP/1.1 502 Bad Gateway\r\n"
    case 503: "HTTP/1.1 503 Service Unavailable\r\n"
    case 504: "HTTP/1.1 504 Gateway Timeout\r\n"
    case 505: "HTTP/1.1 505 HTTP Version Not Supported\r\n"
    case 507: "HTTP/1.1 507 Insufficient Storage\r\n"
    case 529: "HTTP/1.1 529 Overloaded\r\n"
    default: nil
    }
  }
}
