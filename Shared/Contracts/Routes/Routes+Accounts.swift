internal import HTTPWire

extension Routes {
  /// Tenants, users, service accounts, keys and invitations.
  static let accounts: [RouteSpecification] = keys + members + tenants

  private static let bodyMax = 16 * kibibyte

  private static let keys: [RouteSpecification] = [
    .init(.get, "/api/v1/me", .gateway, .tenant, "Describes who asks: tenant, role and grants."),
    .init(.get, "/api/v1/keys", .gateway, .tenant, "Lists API keys: one's own, or all of the tenant for its admins."),
    .init(
      .post, "/api/v1/keys", .gateway, .tenant, bodyBytesMax: bodyMax, "Makes an API key; its text is shown once."),
    .init(.get, "/api/v1/keys/{id}", .gateway, .tenant, "Describes an API key."),
    .init(
      .post, "/api/v1/keys/{id}/rotate", .gateway, .tenant, bodyBytesMax: bodyMax,
      "Gives an API key a new text; the one before stays good for a while."),
    .init(.delete, "/api/v1/keys/{id}", .gateway, .tenant, "Revokes an API key."),
  ]

  private static let members: [RouteSpecification] = [
    .init(.get, "/api/v1/users", .gateway, .tenant, "Lists the users of the tenant."),
    .init(.get, "/api/v1/users/{id}", .gateway, .tenant, "Describes a user."),
    .init(
      .patch, "/api/v1/users/{id}", .gateway, .tenant, bodyBytesMax: bodyMax, "Changes the name or the role of a user."),
    .init(.delete, "/api/v1/users/{id}", .gateway, .tenant, "Removes a user with its keys."),
    .init(.get, "/api/v1/service-accounts", .gateway, .tenant, "Lists the service accounts of the tenant."),
    .init(.post, "/api/v1/service-accounts", .gateway, .tenant, bodyBytesMax: bodyMax, "Makes a service account."),
    .init(.get, "/api/v1/service-accounts/{id}", .gateway, .tenant, "Describes a service account."),
    .init(
      .patch, "/api/v1/service-accounts/{id}", .gateway, .tenant, bodyBytesMax: bodyMax, "Changes a service account."),
    .init(.delete, "/api/v1/service-accounts/{id}", .gateway, .tenant, "Removes a service account with its keys."),
    .init(.get, "/api/v1/invitations", .gateway, .tenant, "Lists invitations that wait."),
    .init(
      .post, "/api/v1/invitations", .gateway, .tenant, bodyBytesMax: bodyMax,
      "Invites somebody to the tenant; the token is shown once."),
    .init(.get, "/api/v1/invitations/{id}", .gateway, .tenant, "Describes an invitation."),
    .init(.delete, "/api/v1/invitations/{id}", .gateway, .tenant, "Revokes an invitation."),
    .init(
      .post, "/api/v1/invitations/accept", .gateway, .anonymous, bodyBytesMax: bodyMax,
      "Makes the user of an invitation, by its token."),
  ]

  private static let tenants: [RouteSpecification] = [
    .init(.get, "/operator/v1/tenants", .gateway, .operator, "Lists the tenants."),
    .init(
      .post, "/operator/v1/tenants", .gateway, .operator, bodyBytesMax: bodyMax,
      "Makes a tenant and an invitation for its first owner."),
    .init(.get, "/operator/v1/tenants/{id}", .gateway, .operator, "Describes a tenant."),
    .init(
      .post, "/operator/v1/tenants/{id}/suspend", .gateway, .operator, bodyBytesMax: bodyMax,
      "Suspends a tenant: its credentials are refused."),
    .init(
      .post, "/operator/v1/tenants/{id}/resume", .gateway, .operator, bodyBytesMax: bodyMax,
      "Lets a suspended tenant work again."),
    .init(
      .post, "/operator/v1/tenants/{id}/invitations", .gateway, .operator, bodyBytesMax: bodyMax,
      "Invites an owner to a tenant."),
    .init(.get, "/operator/v1/tenants/{id}/export", .gateway, .operator, "Exports all that a tenant has."),
    .init(.delete, "/operator/v1/tenants/{id}", .gateway, .operator, "Begins to delete all that a tenant has."),
  ]
}
