/// Names users.
public enum UserKind: IdentifiedKind {
  /// `user`
  public static let prefix = "user"
}
/// Names service accounts.
public enum ServiceAccountKind: IdentifiedKind {
  /// `svc`
  public static let prefix = "svc"
}
/// Names API keys of users and service accounts.
public enum APIKeyKind: IdentifiedKind {
  /// `key`
  public static let prefix = "key"
}
/// Names invitations.
public enum InvitationKind: IdentifiedKind {
  /// `inv`
  public static let prefix = "inv"
}
/// Names sessions of browsers.
public enum SessionKind: IdentifiedKind {
  /// `session`
  public static let prefix = "session"
}

/// A person in one tenant.
public typealias UserID = ID<UserKind>
/// A program in one tenant.
public typealias ServiceAccountID = ID<ServiceAccountKind>
/// A key of a user or of a service account.
public typealias APIKeyID = ID<APIKeyKind>
/// An offer to become a user of a tenant.
public typealias InvitationID = ID<InvitationKind>
/// A browser that has signed in.
public typealias SessionID = ID<SessionKind>
