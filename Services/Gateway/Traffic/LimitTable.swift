package import Contracts

/// The limits of an installation. A table is a value: to change limits at run time, give the limiter another one.
package struct LimitTable: Sendable, Equatable {
  /// What one tenant, or one credential, may do.
  package struct Limits: Sendable, Equatable {
    /// Requests by class; a class that is missing has no limit.
    package var rates: [RouteClass: RateLimit]
    /// Requests under way at a time in each replica, without streams and calls of models; `nil` for any number.
    package var inFlightMax: Int?
    /// Streams and calls of models under way at a time in each replica; `nil` for any number.
    package var longMax: Int?

    /// Makes limits.
    package init(rates: [RouteClass: RateLimit] = [:], inFlightMax: Int? = nil, longMax: Int? = nil) {
      self.rates = rates
      self.inFlightMax = inFlightMax
      self.longMax = longMax
    }
  }

  /// What a tenant may do together.
  package var tenant: Limits
  /// What each credential may do.
  package var credential: Limits
  /// Tenants with limits of their own, in place of those for all.
  package var tenants: [TenantID: Limits] = [:]
  /// Sign-in attempts of a client address.
  package var signIn: RateLimit?
  /// Refused credentials of a client address.
  package var refusals: RateLimit?

  /// Makes a table.
  package init(
    tenant: Limits = Limits(), credential: Limits = Limits(), signIn: RateLimit? = nil, refusals: RateLimit? = nil
  ) {
    self.tenant = tenant
    self.credential = credential
    self.signIn = signIn
    self.refusals = refusals
  }

  /// The limits of a tenant.
  package func limits(of tenant: TenantID?) -> Limits {
    guard let tenant, !tenants.isEmpty else { return self.tenant }
    return tenants[tenant] ?? self.tenant
  }
}
