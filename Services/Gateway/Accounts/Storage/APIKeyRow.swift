internal import Contracts
internal import GatewayRequests
internal import Postgres
internal import Primitives

extension APIKeyRecord {
  /// With whom the key stands for: `k` is the key, `u` and `s` are the user and the service account.
  static let columns = ResultColumns<APIKeyRecord> { column in
    let tenant = column("k.tenant_id", .uuid)
    let id = column("k.id", .uuid)
    let name = column("k.name", .text)
    let user = column(nullable: "k.user_id", .uuid)
    let serviceAccount = column(nullable: "k.service_account_id", .uuid)
    let role = column("coalesce(u.role, s.role)", .text)
    let isOperator = column("coalesce(u.is_operator, s.is_operator)", .bool)
    let grants = column("k.grants", .int4)
    let project = column(nullable: "k.project", .text)
    let expiresAt = column(nullable: "k.expires_at", .timestamptz)
    let previousUntil = column(nullable: "k.previous_until", .timestamptz)
    let lastUsedAt = column(nullable: "k.last_used_at", .timestamptz)
    let rotatedAt = column(nullable: "k.rotated_at", .timestamptz)
    let version = column("k.version", .int4)
    let createdBy = column("k.created_by", .text)
    let createdAt = column("k.created_at", .timestamptz)
    return { row in
      let subject: KeySubject
      if let id = try row[user] {
        subject = .user(UserID(id))
      } else if let id = try row[serviceAccount] {
        subject = .serviceAccount(ServiceAccountID(id))
      } else {
        throw PostgresError(.decoding, detail: "a key of nobody")
      }
      return APIKeyRecord(
        tenant: TenantID(try row[tenant]), id: APIKeyID(try row[id]), name: try row[name], subject: subject,
        subjectRole: try StoredWords.role(try row[role]), isSubjectOperator: try row[isOperator],
        grants: StoredWords.grants(try row[grants]), project: try row[project], expiresAt: try row[expiresAt],
        previousUntil: try row[previousUntil], lastUsedAt: try row[lastUsedAt], rotatedAt: try row[rotatedAt],
        version: Int(try row[version]), createdBy: try row[createdBy], createdAt: try row[createdAt])
    }
  }

  /// What the columns are selected from.
  static let source = """
    api_key k
      left join user_account u on u.tenant_id = k.tenant_id and u.id = k.user_id
      left join service_account s on s.tenant_id = k.tenant_id and s.id = k.service_account_id
    """
}

extension StoredKey {
  static let columns = ResultColumns<StoredKey> { column in
    let record = column.include(APIKeyRecord.columns)
    let hash = column("k.hash", .bytea)
    let secret = column("k.hash_secret", .text)
    let previousHash = column(nullable: "k.previous_hash", .bytea)
    let previousSecret = column(nullable: "k.previous_hash_secret", .text)
    return { row in
      var previous: KeyedHash?
      if let bytes = try row[previousHash], let secret = try row[previousSecret] {
        previous = KeyedHash(bytes: bytes, secret: secret)
      }
      return StoredKey(
        record: try row[record], hash: KeyedHash(bytes: try row[hash], secret: try row[secret]), previous: previous)
    }
  }
}
