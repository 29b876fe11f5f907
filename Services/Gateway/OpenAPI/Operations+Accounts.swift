internal import Contracts
internal import HTTPWire

/// Operations of accounts, signing in and the audit log, which the gateway answers itself.
enum AccountOperations {
  static let all: [(String, Operation)] = keys + members + invitations + tenants + audit + signIn

  private static let keys: [(String, Operation)] = [
    ("GET /api/v1/me", Operation("getCaller", "Accounts").answers(.ok, "Caller")),
    (
      "GET /api/v1/keys",
      Operation("listKeys", "Accounts", "Newest first.").item("subject", .text(64), "Only of this subject.")
        .paged(50, 200, cursor: .id("key")).answers(.ok, "APIKeyPage")
    ),
    (
      "POST /api/v1/keys",
      Operation("createKey", "Accounts").sends("NewAPIKey")
        .answers(.created, "APIKeyWithText", headers: ["ETag", "Location"]).fails(.tooMany)
    ),
    ("GET /api/v1/keys/{id}", Operation("getKey", "Accounts").answers(.ok, "APIKey", headers: ["ETag"])),
    (
      "POST /api/v1/keys/{id}/rotate",
      Operation("rotateKey", "Accounts").guarded.sends("Rotation", isRequired: false)
        .answers(.ok, "APIKeyWithText", headers: ["ETag"])
    ),
    ("DELETE /api/v1/keys/{id}", Operation("revokeKey", "Accounts").guarded.answersNothing()),
  ]

  private static let members: [(String, Operation)] = [
    (
      "GET /api/v1/users",
      Operation("listUsers", "Accounts", "Newest first.").paged(50, 200, cursor: .id("user")).answers(.ok, "UserPage")
    ),
    ("GET /api/v1/users/{id}", Operation("getUser", "Accounts").answers(.ok, "User", headers: ["ETag"])),
    (
      "PATCH /api/v1/users/{id}",
      Operation("changeUser", "Accounts").guarded.sends("UserChange").answers(.ok, "User", headers: ["ETag"])
        .fails(.lastOwner)
    ),
    ("DELETE /api/v1/users/{id}", Operation("removeUser", "Accounts").guarded.answersNothing().fails(.lastOwner)),
    (
      "GET /api/v1/service-accounts",
      Operation("listServiceAccounts", "Accounts", "Newest first.").paged(50, 200, cursor: .id("svc"))
        .answers(.ok, "ServiceAccountPage")
    ),
    (
      "POST /api/v1/service-accounts",
      Operation("createServiceAccount", "Accounts").sends("NewServiceAccount")
        .answers(.created, "ServiceAccount", headers: ["ETag", "Location"]).fails(.tooMany)
    ),
    (
      "GET /api/v1/service-accounts/{id}",
      Operation("getServiceAccount", "Accounts").answers(.ok, "ServiceAccount", headers: ["ETag"])
    ),
    (
      "PATCH /api/v1/service-accounts/{id}",
      Operation("changeServiceAccount", "Accounts").guarded
        .sends("ServiceAccountChange", #"{"description": "Reports of the night."}"#)
        .answers(.ok, "ServiceAccount", headers: ["ETag"])
    ),
    ("DELETE /api/v1/service-accounts/{id}", Operation("removeServiceAccount", "Accounts").guarded.answersNothing()),
  ]

  private static let invitations: [(String, Operation)] = [
    (
      "GET /api/v1/invitations",
      Operation("listInvitations", "Accounts", "Newest first.").paged(50, 200, cursor: .id("inv"))
        .answers(.ok, "InvitationPage")
    ),
    (
      "POST /api/v1/invitations",
      Operation("createInvitation", "Accounts").sends("NewInvitation")
        .answers(.created, "InvitationWithToken", headers: ["Location"]).fails(.tooMany)
    ),
    ("GET /api/v1/invitations/{id}", Operation("getInvitation", "Accounts").answers(.ok, "Invitation")),
    ("DELETE /api/v1/invitations/{id}", Operation("revokeInvitation", "Accounts").answersNothing()),
    (
      "POST /api/v1/invitations/accept",
      Operation("acceptInvitation", "Accounts").sends("Acceptance")
        .answers(.created, "AcceptedInvitation", headers: ["ETag"]).fails(.invitationInvalid)
    ),
  ]

  private static let tenants: [(String, Operation)] = [
    (
      "GET /operator/v1/tenants",
      Operation("listTenants", "Operators", "Newest first.").paged(50, 200, cursor: .id("tenant"))
        .answers(.ok, "TenantPage")
    ),
    (
      "POST /operator/v1/tenants",
      Operation("createTenant", "Operators").sends(
        "NewTenant", #"{"name": "Research", "owner_email": "ada@example.com"}"#
      )
      .answers(.created, "TenantWithInvitation", headers: ["ETag", "Location"])
    ),
    (
      "GET /operator/v1/tenants/{id}",
      Operation("getTenant", "Operators").answers(.ok, "TenantWithServices", headers: ["ETag"])
    ),
    (
      "POST /operator/v1/tenants/{id}/suspend",
      Operation("suspendTenant", "Operators", "Holds everywhere when `confirmed` is true.").guarded
        .answers(.ok, "TenantWithServices", headers: ["ETag"])
    ),
    (
      "POST /operator/v1/tenants/{id}/resume",
      Operation("resumeTenant", "Operators", "Holds everywhere when `confirmed` is true.").guarded
        .answers(.ok, "TenantWithServices", headers: ["ETag"])
    ),
    (
      "POST /operator/v1/tenants/{id}/invitations",
      Operation("inviteOwner", "Operators").sends("NewInvitation")
        .answers(.created, "InvitationWithToken", headers: ["Location"])
    ),
    (
      "GET /operator/v1/tenants/{id}/export",
      Operation("exportTenant", "Operators").takesAnyQuery.answers(.ok, types: [("*/*", .any)], "Everything.")
    ),
    (
      "DELETE /operator/v1/tenants/{id}",
      Operation("deleteTenant", "Operators", "It goes on in the background; `state` is `deleted` when nothing is left.")
        .guarded.answers(.accepted, "TenantWithServices", headers: ["ETag"])
    ),
  ]

  private static func audit(_ area: String, _ tag: String, _ suffix: String, _ more: (Operation) -> Operation)
    -> [(String, Operation)]
  {
    [
      (
        "GET \(area)/audit",
        more(
          Operation("listAudit\(suffix)", tag, "Newest first.")
            .item("actor", .text(512), "Only of this subject.").item("route", .text(512), "Only at this address.")
            .item("outcome", .text(), "Only with this outcome.").item("request", .text(), "Only of this request.")
            .item("since", .time, "Entries from this time.").item("until", .time, "Entries before this time.")
            .paged(50, 200, cursor: .text(pattern: "^[0-9]+$"))
        ).answers(.ok, "AuditPage")
      ),
      (
        "GET \(area)/audit/export",
        more(
          Operation("exportAudit\(suffix)", tag)
            .item("after", .text(pattern: "^[0-9]+$"), "Only entries behind the one with this number.")
        ).answers(.ok, types: [("application/x-ndjson", .text())], "Lines of JSON.")
      ),
      (
        "GET \(area)/audit/verification", more(Operation("verifyAudit\(suffix)", tag)).answers(.ok, "AuditVerification")
      ),
    ]
  }

  private static let audit =
    audit("/api/v1", "Audit", "") { $0 }
    + audit("/operator/v1", "Operators", "OfTenant") {
      $0.item("tenant", .id("tenant"), "The tenant; without it the installation.")
    }

  /// Forms for browsers; their documents are those of the sign-in pages.
  private static let signIn: [(String, Operation)] =
    [
      ("POST /auth/v1/sign-in", "signIn"), ("POST /auth/v1/second-factor", "confirmSignIn"),
      ("POST /auth/v1/sign-out", "signOut"), ("GET /auth/v1/session", "getSession"),
      ("GET /auth/v1/sessions", "listSessions"), ("DELETE /auth/v1/sessions", "endSessions"),
      ("DELETE /auth/v1/sessions/{id}", "endSession"), ("POST /auth/v1/totp", "enrolSecondFactor"),
      ("POST /auth/v1/totp/confirm", "confirmSecondFactor"), ("POST /auth/v1/totp/remove", "removeSecondFactor"),
      ("POST /auth/v1/password", "changePassword"),
    ].map { ($0, Operation($1, "Signing in").takesAnyQuery) }
    + [
      (
        "POST /operator/v1/second-factors/rotation",
        Operation("rotateSecondFactors", "Operators", "A part of all of them; go on with `next_cursor`.")
          .item("cursor", .text(), "The `next_cursor` of the part before.")
          .answers(.ok, "SecretRotation").fails(.signInUnavailable)
      )
    ]
    + [
      ("GET /auth/v1/oidc/{provider}/start", "startOIDC"), ("GET /auth/v1/oidc/{provider}/callback", "endOIDC"),
    ].map {
      (
        $0,
        Operation($1, "Signing in").takesAnyQuery.answersNothing("Goes on elsewhere.", .seeOther, headers: ["Location"])
      )
    }
}
