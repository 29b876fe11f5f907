public import Contracts
internal import Crypto
public import HTTP
public import HTTPWire

/// The credentials with which workers ask for steps. They open the worker protocol and nothing else: what a worker may
/// do for a step is said by the step's own assertion.
public struct WorkerCredentials: Sendable {
  private static let prefix = "Bearer "

  /// The value of `Authorization` that a worker sends: `Bearer <id>.<secret>` of the first credential.
  public let authorization: String
  private let digests: [[UInt8]]

  /// Takes the list of a setting.
  public init(_ list: KeyList) {
    func text(_ key: KeyList.Key) -> String {
      String(decoding: Array(WorkerCredentials.prefix.utf8) + key.id + Array(".".utf8) + key.secret, as: UTF8.self)
    }
    authorization = text(list.first)
    digests = list.keys.map { Digest.sha256(Array(text($0).utf8)) }
  }

  /// Lets only workers pass. Throws a 401 `Problem`.
  public func require(_ request: HTTPRequest) throws(Problem) { try require(request.headers) }

  /// The same for the header fields of a request.
  public func require(_ headers: HTTPHeaders) throws(Problem) {
    // Digests have one length, so the comparison says nothing about the secret.
    let presented = Digest.sha256(Array((headers[.authorization] ?? "").utf8))
    var isKnown = false
    for digest in digests where Secrets.equal(presented, digest) { isKnown = true }
    guard isKnown else {
      var headers = HTTPHeaders()
      headers.append(.wwwAuthenticate, "Bearer realm=\"cadre workers\"")
      throw Problem(
        .workerCredentialInvalid,
        "This address is for workers: send one of identity.worker_keys as \"Authorization: Bearer ID.SECRET\".",
        headers: headers)
    }
  }
}
