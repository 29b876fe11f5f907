/// Schemas of users, service accounts, keys, invitations, tenants and the audit log.
enum AccountSchemas {
  static let all: [(String, Schema)] = keys + members + tenants + audit

  private static let roles = Schema.words(["owner", "admin", "operator", "member", "viewer"])
  private static let grants = Schema.list(.text())
  private static let label = Schema.text(100, min: 1)
  private static let stamped: [Member] = [need("created_at", .time), need("created_by", .text())]

  private static let keys: [(String, Schema)] = [
    (
      "Caller",
      .object([
        need("subject", .text()), need("kind", .text()), need("credential", .text()),
        need("tenant_id", Schema.id("tenant").orNull), need("role", roles), need("grants", grants),
        need("project", Schema.text().orNull),
      ])
    ),
    ("APIKey", .object(key)), ("APIKeyPage", .page("keys", .ref("APIKey"))),
    ("APIKeyWithText", .object(key + [need("key", .text(), "Shown only here.")])),
    (
      "NewAPIKey",
      Schema.object(
        [
          need("name", label), may("grants", grants), may("project", .text(256, min: 1)), may("expires_at", .time),
          may("service_account_id", .text(64, min: 1), "Whose key it is, when it is not the caller's own."),
        ], isSent: true
      ).example(#"{"name": "nightly reports", "grants": ["read", "write"]}"#)
    ),
    (
      "Rotation",
      Schema.object(
        [may("overlap_seconds", .int(0...2_592_000), "How long the text before stays good.")], isSent: true
      ).example(#"{"overlap_seconds": 3600}"#)
    ),
  ]

  private static let key: [Member] =
    [
      need("id", .id("key")), need("name", .text()), need("subject", .text()), need("grants", grants),
      need("project", Schema.text().orNull), need("version", .int()), need("expires_at", Schema.time.orNull),
      need("last_used_at", Schema.time.orNull), need("rotated_at", Schema.time.orNull),
      need("previous_until", Schema.time.orNull),
    ] + stamped

  private static let user: [Member] =
    [
      need("id", .id("user")), need("email", .text()), need("name", .text()), need("role", roles),
      need("is_operator", .flag), need("has_password", .flag), need("has_second_factor", .flag),
      need("version", .int()), need("updated_at", .time), need("last_sign_in_at", Schema.time.orNull),
    ] + stamped

  private static let invitation: [Member] =
    [
      need("id", .id("inv")), need("email", .text()), need("role", roles), need("is_operator", .flag),
      need("expires_at", .time),
    ] + stamped

  private static let members: [(String, Schema)] = [
    ("User", .object(user)), ("UserPage", .page("users", .ref("User"))),
    (
      "UserChange",
      Schema.object([may("name", .text(100)), may("role", roles), may("is_operator", .flag)], isSent: true)
        .example(#"{"role": "operator"}"#)
    ),
    (
      "ServiceAccount",
      .object(
        [
          need("id", .id("svc")), need("name", .text()), need("description", .text()), need("role", roles),
          need("is_operator", .flag), need("version", .int()), need("updated_at", .time),
        ] + stamped)
    ),
    ("ServiceAccountPage", .page("service_accounts", .ref("ServiceAccount"))),
    (
      "NewServiceAccount",
      Schema.object(
        [need("name", label), may("description", .text(4096)), may("role", roles), may("is_operator", .flag)],
        isSent: true
      ).example(#"{"name": "reports", "role": "member"}"#)
    ),
    (
      "ServiceAccountChange",
      .object(
        [may("name", label), may("description", .text(4096)), may("role", roles), may("is_operator", .flag)],
        isSent: true)
    ),
    ("Invitation", .object(invitation)), ("InvitationPage", .page("invitations", .ref("Invitation"))),
    ("InvitationWithToken", .object(invitation + [need("token", .text(), "Shown only here.")])),
    (
      "NewInvitation",
      Schema.object(
        [
          need("email", .text(320, min: 3)), may("role", roles), may("is_operator", .flag),
          may("expires_in_seconds", .int(60...2_592_000)),
        ], isSent: true
      ).example(#"{"email": "ada@example.com", "role": "member"}"#)
    ),
    (
      "Acceptance",
      Schema.object(
        [
          need("token", .text(200, min: 1)), may("name", .text(100)), may("password", .text(1024, min: 1)),
          may("key", .object([need("name", label)], isSent: true), "A first key, instead of or beside a password."),
        ], isSent: true)
    ),
    (
      "AcceptedInvitation",
      .object(user + [need("tenant_id", .id("tenant")), may("key_id", .id("key")), may("key", .text())])
    ),
  ]

  private static let tenant: [Member] =
    [
      need("id", .id("tenant")), need("name", .text()),
      need("state", .words(["active", "suspended", "deleting", "deleted"])),
      need("version", .int()), need("updated_at", .time), need("suspended_at", Schema.time.orNull),
      need("deleted_at", Schema.time.orNull), need("confirmed", .flag),
    ] + stamped

  private static let tenants: [(String, Schema)] = [
    ("Tenant", .object(tenant)), ("TenantPage", .page("tenants", .ref("Tenant"))),
    (
      "TenantService",
      .object([
        need("service", .text()), need("confirmed", .flag), may("total", .int()), may("counts", .free),
        need("deleted_at", Schema.time.orNull), may("checked_at", .time), may("failure", Schema.text().orNull),
      ])
    ),
    ("TenantWithServices", .object(tenant + [need("services", .list(.ref("TenantService")))])),
    ("NewTenant", .object([need("name", .text(200, min: 1)), may("owner_email", .text(320, min: 3))], isSent: true)),
    ("TenantWithInvitation", .object(tenant + [may("invitation", .ref("InvitationWithToken"))])),
  ]

  private static let audit: [(String, Schema)] = [
    (
      "AuditPage",
      .object([
        need("chain", .text()), need("entries", .list(.free)), need("next_cursor", Schema.text().orNull),
      ])
    ),
    ("AuditVerification", .free),
  ]
}
