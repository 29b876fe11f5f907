internal import HTTPWire
internal import Primitives
package import Settings

/// The settings of signing in.
package enum SignInSettings {
  /// Issuers of bearer tokens.
  package static let issuers = Setting(
    "identity.issuers", .list(of: IssuerDeclaration.type, countMaximum: 100), default: [],
    "Issuers whose signed tokens (JWT) are credentials: name, issuer, audience, algorithms, jwks_url or secret_file, and how claims become a tenant and a role (docs/sign-in.md)."
  )
  /// Identity providers of browsers.
  package static let providers = Setting(
    "sign_in.providers", .list(of: ProviderDeclaration.type, countMaximum: 100), default: [],
    "OpenID Connect providers that browsers may sign in with: name, issuer, client_id, client_secret, tenant (docs/sign-in.md)."
  )
  /// The address that browsers see.
  package static let url = Setting(
    "sign_in.url", .string(bytesMaximum: 2048), default: "",
    "The origin that browsers see, for example https://cadre.example.com: with https cookies are Secure, and only its pages may use sessions. Empty: the Host of the request, for local installations."
  )
  /// Idle time.
  package static let idle = Setting(
    "sign_in.session_idle_ms", .milliseconds(in: 60_000...2_592_000_000), default: .seconds(8 * 3600),
    "Time after which a session that is not used ends.")
  /// Absolute time.
  package static let lifetime = Setting(
    "sign_in.session_lifetime_ms", .milliseconds(in: 60_000...31_536_000_000), default: .seconds(7 * 86_400),
    "Time after which a session ends, used or not.")
  /// Threads for passwords.
  package static let hashThreads = Setting(
    "sign_in.hash_threads", .int(in: 1...64), default: 2,
    "Threads that check passwords; each takes 32 MiB while it does. 64 more wait, others get 503.")

  /// All of them.
  package static let all: [any SettingDeclaration] = [issuers, providers, url, idle, lifetime, hashThreads]
}

/// A setting that cannot be used.
package struct SignInSettingsError: Error, CustomStringConvertible {
  /// What to do.
  package let description: String
}
