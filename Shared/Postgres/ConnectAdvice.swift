/// What to do when a connection cannot be made, by what libpq says. The advice holds nothing of the message.
enum ConnectAdvice {
  /// Parts of messages and what they call for; the first that fits.
  private static let table: [(parts: [String], advice: String)] = [
    (
      ["certificate verify failed"],
      "its certificate is expired or not signed by an authority in the file of sslrootcert; give the connection string "
        + "the file of the right authority, or the server a new certificate"
    ),
    (
      ["server certificate", "does not match host name"],
      "its certificate is for another name; connect by the name that stands in the certificate, or give the server a "
        + "certificate for this one"
    ),
    (
      ["root certificate file", "does not exist"],
      "sslmode asks for verification and there is no root certificate; set sslrootcert to the file of the authority, or "
        + "to a file that this service can read"
    ),
    (
      ["could not read root certificate file"],
      "the file of sslrootcert holds no certificate; it has to be PEM"
    ),
    (
      ["server does not support SSL"],
      "sslmode asks for TLS and the server has none; set ssl = on there, with ssl_cert_file and ssl_key_file"
    ),
    (["password authentication failed"], "user or password in the connection string is wrong"),
    (["no password supplied"], "the server asks for a password; put it into the connection string"),
    (
      ["no pg_hba.conf entry"],
      "pg_hba.conf of the server has no line for this user, database, address and kind of encryption"
    ),
    (
      ["unsupported startup parameter"],
      "a pooler stands in between that takes no settings of a session; set CADRE_POSTGRES_POOLER=transaction and "
        + "CADRE_POSTGRES_DIRECT_URL"
    ),
    (
      ["session is not read-write"],
      "no host in the connection string takes writes now; a stand-by may be promoted soon"
    ),
    (
      ["too many clients"],
      "all connections of the server are taken; raise max_connections, or put a pooler in front of it"
    ),
    (["remaining connection slots"], "all connections of the server are taken; raise max_connections, or use a pooler"),
  ]

  /// The advice for a message of libpq; empty where there is none.
  static func advice(for message: String) -> String {
    table.first { entry in entry.parts.allSatisfy { message.contains($0) } }?.advice ?? ""
  }
}
