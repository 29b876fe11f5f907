internal import CCurl
internal import Glibc

/// HTTP for command lines and probes: one request at a time by libcurl, with TLS, to any address. It blocks its thread.
public enum BlockingHTTP {
  /// Largest body of an answer: 64 MiB.
  public static let bodyBytesMax = 64 << 20
  private static let connectMillisecondsMax = 10_000
  /// Before the first handle, once per process; libcurl's global state is not thread-safe while it is made.
  private static let isInitialized: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

  /// An answer.
  public struct Answer: Sendable {
    /// The status code.
    public let status: Int
    /// The body.
    public let bytes: [UInt8]
    /// The body as text.
    public var body: String { String(decoding: bytes, as: UTF8.self) }
  }

  /// Why there is no answer.
  public struct Failure: Error, Sendable, CustomStringConvertible {
    /// A clause such as `Couldn't connect to server`.
    public let description: String
  }

  /// Makes one request to an absolute URL on a connection of its own. A body is JSON unless a header says otherwise.
  public static func request(
    _ method: String = "GET", url: String, headers: [String: String] = [:], body: String? = nil,
    file: [UInt8]? = nil, seconds: Int = 5
  ) throws(Failure) -> Answer {
    guard isInitialized, let easy = curl_easy_init() else { throw Failure(description: "libcurl is out of memory") }
    defer { curl_easy_cleanup(easy) }
    cadre_curl_set_string(easy, CURLOPT_URL, url)
    cadre_curl_set_string(easy, CURLOPT_PROTOCOLS_STR, "http,https")
    cadre_curl_set_string(easy, CURLOPT_CUSTOMREQUEST, method)
    cadre_curl_set_long(easy, CURLOPT_NOSIGNAL, 1)
    cadre_curl_set_long(easy, CURLOPT_TIMEOUT_MS, min(max(1, seconds), 86_400) * 1000)
    cadre_curl_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, connectMillisecondsMax)
    if method == "HEAD" { cadre_curl_set_long(easy, CURLOPT_NOBODY, 1) }
    // This machine is never asked by way of a proxy.
    if isLoopback(url) { cadre_curl_set_string(easy, CURLOPT_NOPROXY, "*") }
    if let authorities = getenv("SSL_CERT_FILE") { cadre_curl_set_string(easy, CURLOPT_CAINFO, authorities) }
    var lines = headers.map { "\($0.key): \($0.value)" } + ["Expect:"]
    if let body {
      if !headers.keys.contains(where: { $0.lowercased() == "content-type" }) {
        lines.append("Content-Type: application/json")
      }
      // Before the copy, which is as long as this says.
      cadre_curl_set_off_t(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(clamping: body.utf8.count))
      cadre_curl_set_string(easy, CURLOPT_COPYPOSTFIELDS, body)
    }
    if let file {
      if !headers.keys.contains(where: { $0.lowercased() == "content-type" }) {
        lines.append("Content-Type: application/octet-stream")
      }
      cadre_curl_set_off_t(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(clamping: file.count))
      _ = file.withUnsafeBytes {
        cadre_curl_set_pointer(easy, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: $0.baseAddress))
      }
    }
    var list: UnsafeMutablePointer<curl_slist>?
    for line in lines { list = curl_slist_append(list, line) ?? list }
    defer { curl_slist_free_all(list) }
    cadre_curl_set_pointer(easy, CURLOPT_HTTPHEADER, list)
    let received = Received()
    cadre_curl_set_callback(easy, CURLOPT_WRITEFUNCTION) { bytes, _, count, context in
      guard let bytes, let context else { return 0 }
      let received = Unmanaged<Received>.fromOpaque(context).takeUnretainedValue()
      return received.append(UnsafeRawBufferPointer(start: bytes, count: count)) ? count : 0
    }
    cadre_curl_set_pointer(easy, CURLOPT_WRITEDATA, Unmanaged.passUnretained(received).toOpaque())
    let code = withExtendedLifetime(received) { curl_easy_perform(easy) }
    var status = 0
    cadre_curl_get_status(easy, &status)
    guard code == CURLE_OK else {
      throw Failure(description: String(cString: curl_easy_strerror(code)))
    }
    return Answer(status: status, bytes: received.bytes)
  }

  /// The same for a port, of this machine unless a host is named; `nil` when nobody answers within `seconds`.
  public static func send(
    _ method: String = "GET", host: String = "127.0.0.1", port: Int, path: String, headers: [String: String] = [:],
    body: String? = nil, seconds: Int = 5
  ) -> Answer? {
    try? request(
      method, url: "http://\(host):\(port)\(path)", headers: headers, body: body, seconds: seconds)
  }

  private static func isLoopback(_ url: String) -> Bool {
    ["http://127.0.0.1:", "http://localhost:", "http://[::1]:", "http://127.0.0.1/", "http://localhost/"]
      .contains { url.hasPrefix($0) }
  }

  /// What has come so far.
  private final class Received {
    private(set) var bytes: [UInt8] = []

    /// Takes more; `false` when that would be too much.
    func append(_ more: UnsafeRawBufferPointer) -> Bool {
      guard bytes.count + more.count <= BlockingHTTP.bodyBytesMax else { return false }
      bytes.append(contentsOf: more)
      return true
    }
  }
}
