internal import HTTPWire

extension Routes {
  /// Signing in of browsers. What is for anybody checks sessions itself: who signs in has none yet.
  public enum SignIn {
    /// With a password.
    public static let signIn = route(.post, "/auth/v1/sign-in", .anonymous, "Signs a browser in with a password.")
    /// The second step.
    public static let secondFactor = route(
      .post, "/auth/v1/second-factor", .anonymous, "Ends a sign-in with a code of an app, or a recovery code.")
    /// The end.
    public static let signOut = route(
      .post, "/auth/v1/sign-out", .anonymous, "Ends the session of the browser, or all sessions of its user.")
    /// The own session.
    public static let session = route(
      .get, "/auth/v1/session", .tenant, "Describes the session of the browser, with its CSRF token.")
    /// All sessions of the user.
    public static let sessions = route(.get, "/auth/v1/sessions", .tenant, "Lists the sessions of the user.")
    /// Ends all of them.
    public static let endSessions = route(.delete, "/auth/v1/sessions", .tenant, "Ends all sessions of the user.")
    /// Ends one of them.
    public static let endSession = route(.delete, "/auth/v1/sessions/{id}", .tenant, "Ends a session of the user.")
    /// Begins the enrolment of an app.
    public static let enrol = route(.post, "/auth/v1/totp", .tenant, "Makes a secret for an authenticator app.")
    /// Confirms it.
    public static let confirm = route(
      .post, "/auth/v1/totp/confirm", .tenant, "Turns the second factor on with a first code, and gives recovery codes."
    )
    /// Removes it.
    public static let remove = route(.post, "/auth/v1/totp/remove", .tenant, "Turns the second factor off.")
    /// Other keys for what is stored of second factors.
    public static let rotation = route(
      .post, "/operator/v1/second-factors/rotation", .operator,
      "Seals second factors under the newest key, a hundred at a time (`?cursor=`).")
    /// Another password.
    public static let password = route(
      .post, "/auth/v1/password", .tenant, "Changes the password, and ends all other sessions of the user.")
    /// To the identity provider.
    public static let start = route(
      .get, "/auth/v1/oidc/{provider}/start", .anonymous, "Sends a browser to an identity provider.")
    /// And back.
    public static let callback = route(
      .get, "/auth/v1/oidc/{provider}/callback", .anonymous, "Takes a browser back from an identity provider.")

    static let all = [
      signIn, secondFactor, signOut, session, sessions, endSessions, endSession, enrol, confirm, remove, rotation,
      password, start, callback,
    ]

    private static let bodyBytesMax = 8 * kibibyte

    private static func route(
      _ method: HTTPMethod, _ pattern: String, _ access: RouteSpecification.Access, _ summary: String
    ) -> RouteSpecification {
      .init(method, pattern, .gateway, access, bodyBytesMax: bodyBytesMax, summary)
    }
  }

  /// Signing in, sessions, second factors, identity providers.
  static let signIn: [RouteSpecification] = SignIn.all
}
