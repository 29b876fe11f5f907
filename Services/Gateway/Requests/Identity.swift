package import Contracts

/// Who makes a request, as the gateway has found out. Every stage of a request hands it on, so it is one reference.
package final class Identity: Sendable {
  /// How it was found out.
  package enum Kind: String, Sendable, CaseIterable {
    /// A key of the configuration.
    case configuredKey = "configured_key"
    /// A key of a user or a service account.
    case apiKey = "api_key"
    /// A signed token of an identity provider.
    case token
    /// A browser that has signed in.
    case session
    /// A virtual key, which the llm-router checks: the gateway knows nothing of whom it stands for.
    case virtualKey = "virtual_key"
    /// Nobody: addresses for those who sign in.
    case anonymous
  }

  /// How it was found out.
  package let kind: Kind
  /// What the assertions to the services say; `nil` for virtual keys and for nobody.
  package let caller: Caller?
  /// The virtual key, which is sent on as it is; `nil` for all others.
  package let virtualKey: String?
  /// What it may do in its tenant.
  package let role: Role
  /// The user (`user_...`), the service account (`svc_...`) or the key of the configuration (`key:NAME`).
  package let subject: String
  /// What it has shown, by a name that gives no rights: `key_...`, `session_...`, `token:ISSUER`.
  package let credential: String
  /// What the credential may be used for; policies look at it beside the role.
  package let grants: Grants

  /// Makes an identity.
  package init(
    kind: Kind, caller: Caller?, virtualKey: String? = nil, role: Role, subject: String, credential: String,
    grants: Grants = []
  ) {
    self.kind = kind
    self.caller = caller
    self.virtualKey = virtualKey
    self.role = role
    self.subject = subject
    self.credential = credential
    self.grants = grants
  }

  /// The tenant; `nil` when the gateway does not know it.
  package var tenant: TenantID? { caller?.tenant }

  /// Nobody: at addresses for those who sign in.
  package static let anonymous = Identity(
    kind: .anonymous, caller: nil, role: .viewer, subject: "anonymous", credential: "anonymous")
}
