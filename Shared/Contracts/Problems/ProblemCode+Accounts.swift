internal import HTTPWire

extension ProblemCode {
  /// Tenants, users, service accounts, keys and invitations.
  static let accounts: [ProblemCode] =
    ["api key", "user", "service account", "invitation", "tenant"].map { notFound($0) } + [
      tenantNotActive, roleRequired, beyondOwnRights, lastOwner, alreadyMember, invitationInvalid, passwordsNotAvailable,
      tenantEngineMissing,
    ]

  /// `tenant_not_active`
  public static let tenantNotActive = ProblemCode(
    "tenant_not_active", .forbidden, meaning: "The tenant is suspended, is being deleted or is not there any more.",
    remedy: "Ask the operator of the installation.")
  /// `role_required`
  public static let roleRequired = ProblemCode(
    "role_required", .forbidden, meaning: "Only owners and admins of the tenant may do this, with the grant `admin`.",
    remedy: "Ask one of them, or use a credential with this grant.")
  /// `beyond_own_rights`
  public static let beyondOwnRights = ProblemCode(
    "beyond_own_rights", .forbidden,
    meaning: "The request gives or changes a role or a grant that the caller does not have.",
    remedy: "Ask somebody who has it.")
  /// `last_owner`
  public static let lastOwner = ProblemCode(
    "last_owner", .conflict, meaning: "The tenant would have no owner any more.",
    remedy: "Make another user an owner first.")
  /// `already_member`
  public static let alreadyMember = ProblemCode(
    "already_member", .conflict, meaning: "Somebody with this address is a user of the tenant or is invited already.",
    remedy: "Change the role of the user, or revoke the invitation first.")
  /// `invitation_invalid`
  public static let invitationInvalid = ProblemCode(
    "invitation_invalid", .forbidden, meaning: "The invitation is not known, has expired, or was used or revoked.",
    remedy: "Ask for a new one.")
  /// `passwords_not_available`
  public static let passwordsNotAvailable = ProblemCode(
    "passwords_not_available", .conflict, meaning: "The installation does not take passwords.",
    remedy: "Accept the invitation with a key (`key`) instead.")
  /// `tenant_engine_missing`
  public static let tenantEngineMissing = ProblemCode(
    "tenant_engine_missing", .notImplemented, meaning: "The installation cannot delete or export tenants.",
    remedy: "Start a version that can.")
}
