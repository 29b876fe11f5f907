/// Why bytes were refused. The message never echoes input, so it may be answered and logged as it is.
public struct HTTPWireError: Error, Sendable, Hashable {
  /// A stable name for each reason; the raw value is part of the public interface.
  public enum Code: String, Sendable, Hashable, CaseIterable {
    /// The request line is not `method target HTTP-version`.
    case malformedRequestLine = "malformed_request_line"
    /// The request method is not a valid token.
    case invalidMethod = "invalid_method"
    /// CONNECT is not supported.
    case methodNotImplemented = "method_not_implemented"
    /// TRACE is not allowed.
    case methodNotAllowed = "method_not_allowed"
    /// The request target is not a valid origin-form, absolute-form or asterisk-form.
    case invalidTarget = "invalid_target"
    /// Only HTTP/1.0 and HTTP/1.1 are supported.
    case unsupportedVersion = "unsupported_version"
    /// The request line is longer than the server accepts.
    case requestLineTooLong = "request_line_too_long"
    /// The header section is larger than the limit.
    case headTooLarge = "head_too_large"
    /// The message has more header fields than the limit.
    case tooManyHeaders = "too_many_headers"
    /// Lines must end with CRLF.
    case bareLineFeed = "bare_line_feed"
    /// A header field name is not a valid token followed by a colon.
    case invalidHeaderName = "invalid_header_name"
    /// Whitespace before the colon of a header field is not allowed.
    case whitespaceBeforeColon = "whitespace_before_colon"
    /// Folded header lines are not allowed.
    case obsoleteFolding = "obsolete_folding"
    /// A header field value contains a control character.
    case invalidHeaderValue = "invalid_header_value"
    /// An HTTP/1.1 request needs a Host field.
    case missingHost = "missing_host"
    /// A request may have only one Host field.
    case duplicateHost = "duplicate_host"
    /// The host is empty or has invalid characters.
    case invalidHost = "invalid_host"
    /// Content-Length must be one decimal number.
    case invalidContentLength = "invalid_content_length"
    /// Content-Length may be given only once.
    case duplicateContentLength = "duplicate_content_length"
    /// Content-Length and Transfer-Encoding exclude each other.
    case conflictingFraming = "conflicting_framing"
    /// Transfer-Encoding may be given only once and needs HTTP/1.1.
    case invalidTransferEncoding = "invalid_transfer_encoding"
    /// The only supported transfer coding is chunked.
    case unsupportedTransferEncoding = "unsupported_transfer_encoding"
    /// The only supported expectation is 100-continue.
    case unsupportedExpectation = "unsupported_expectation"
    /// The status line of the response is not valid.
    case malformedStatusLine = "malformed_status_line"
    /// A chunk size is not a hexadecimal number within the limit.
    case invalidChunkSize = "invalid_chunk_size"
    /// A chunk extension has invalid characters.
    case invalidChunkExtension = "invalid_chunk_extension"
    /// Chunk extensions are longer than the limit.
    case chunkExtensionTooLong = "chunk_extension_too_long"
    /// Chunk data must be followed by CRLF.
    case invalidChunkEnd = "invalid_chunk_end"
    /// A trailer field is not valid.
    case invalidTrailer = "invalid_trailer"
    /// The trailer section is larger than the limit.
    case trailersTooLarge = "trailers_too_large"
    /// Bytes were fed after the end of the body.
    case bodyAfterEnd = "body_after_end"
    /// A percent escape is incomplete, not hexadecimal, or encodes NUL or invalid UTF-8.
    case invalidPercentEncoding = "invalid_percent_encoding"
    /// The query has more parameters than the limit.
    case tooManyQueryItems = "too_many_query_items"
    /// The query is longer than the limit.
    case queryTooLong = "query_too_long"
    /// The URL is not an absolute http or https URL.
    case invalidURL = "invalid_url"
    /// A URL with user name or password is not accepted.
    case urlHasUserInfo = "url_has_user_info"
    /// The port is not a number from 1 to 65535.
    case invalidPort = "invalid_port"
    /// A line of the event stream is longer than the limit.
    case eventLineTooLong = "event_line_too_long"
    /// An event of the event stream is larger than the limit.
    case eventTooLarge = "event_too_large"
    /// The request is not a WebSocket upgrade.
    case webSocketNotUpgrade = "web_socket_not_upgrade"
    /// Sec-WebSocket-Key must be 16 bytes in base64.
    case webSocketInvalidKey = "web_socket_invalid_key"
    /// Only WebSocket version 13 is supported.
    case webSocketUnsupportedVersion = "web_socket_unsupported_version"
    /// The server did not prove that it understood the WebSocket handshake.
    case webSocketInvalidAccept = "web_socket_invalid_accept"
  }

  /// The reason.
  public let code: Code

  /// An error of that code.
  public init(_ code: Code) { self.code = code }
}

extension HTTPWireError: CustomStringConvertible {
  /// Code and message.
  public var description: String { "\(code.rawValue): \(message)" }
}

extension HTTPWireError {
  /// The status to answer a request with. For a refused response of an upstream server use 502 instead.
  public var status: HTTPStatus {
    switch code {
    case .methodNotImplemented, .unsupportedTransferEncoding: .notImplemented
    case .methodNotAllowed: .methodNotAllowed
    case .unsupportedVersion: .httpVersionNotSupported
    case .requestLineTooLong, .queryTooLong: .uriTooLong
    case .headTooLarge, .tooManyHeaders, .trailersTooLarge: .requestHeaderFieldsTooLarge
    case .unsupportedExpectation: .expectationFailed
    case .malformedStatusLine, .eventLineTooLong, .eventTooLarge, .webSocketInvalidAccept: .badGateway
    case .webSocketUnsupportedVersion: .upgradeRequired
    default: .badRequest
    }
  }

  /// What is wrong, in a sentence for the sender.
  public var message: String {
    switch code {
    case .malformedRequestLine: "The request line is not `method target HTTP-version`."
    case .invalidMethod: "The request method is not a valid token."
    case .methodNotImplemented: "CONNECT is not supported."
    case .methodNotAllowed: "TRACE is not allowed."
    case .invalidTarget: "The request target is not a valid origin-form, absolute-form or asterisk-form."
    case .unsupportedVersion: "Only HTTP/1.0 and HTTP/1.1 are supported."
    case .requestLineTooLong: "The request line is longer than the server accepts."
    case .headTooLarge: "The header section is larger than the limit."
    case .tooManyHeaders: "The message has more header fields than the limit."
    case .bareLineFeed: "Lines must end with CRLF."
    case .invalidHeaderName: "A header field name is not a valid token followed by a colon."
    case .whitespaceBeforeColon: "Whitespace before the colon of a header field is not allowed."
    case .obsoleteFolding: "Folded header lines are not allowed."
    case .invalidHeaderValue: "A header field value contains a control character."
    case .missingHost: "An HTTP/1.1 request needs a Host field."
    case .duplicateHost: "A request may have only one Host field."
    case .invalidHost: "The host is empty or has invalid characters."
    case .invalidContentLength: "Content-Length must be one decimal number."
    case .duplicateContentLength: "Content-Length may be given only once."
    case .conflictingFraming: "Content-Length and Transfer-Encoding exclude each other."
    case .invalidTransferEncoding: "Transfer-Encoding may be given only once and needs HTTP/1.1."
    case .unsupportedTransferEncoding: "The only supported transfer coding is chunked."
    case .unsupportedExpectation: "The only supported expectation is 100-continue."
    case .malformedStatusLine: "The status line of the response is not valid."
    case .invalidChunkSize: "A chunk size is not a hexadecimal number within the limit."
    case .invalidChunkExtension: "A chunk extension has invalid characters."
    case .chunkExtensionTooLong: "Chunk extensions are longer than the limit."
    case .invalidChunkEnd: "Chunk data must be followed by CRLF."
    case .invalidTrailer: "A trailer field is not valid."
    case .trailersTooLarge: "The trailer section is larger than the limit."
    case .bodyAfterEnd: "Bytes were fed after the end of the body."
    case .invalidPercentEncoding: "A percent escape is incomplete, not hexadecimal, or encodes NUL or invalid UTF-8."
    case .tooManyQueryItems: "The query has more parameters than the limit."
    case .queryTooLong: "The query is longer than the limit."
    case .invalidURL: "The URL is not an absolute http or https URL."
    case .urlHasUserInfo: "A URL with user name or password is not accepted."
    case .invalidPort: "The port is not a number from 1 to 65535."
    case .eventLineTooLong: "A line of the event stream is longer than the limit."
    case .eventTooLarge: "An event of the event stream is larger than the limit."
    case .webSocketNotUpgrade: "The request is not a WebSocket upgrade."
    case .webSocketInvalidKey: "Sec-WebSocket-Key must be 16 bytes in base64."
    case .webSocketUnsupportedVersion: "Only WebSocket version 13 is supported."
    case .webSocketInvalidAccept: "The server did not prove that it understood the WebSocket handshake."
    }
  }
}
