/// A request for a counter: what it has to grant.
struct ReserveRequest: Sendable, Equatable {
  let key: String
  /// What the call needs beyond the quota of its process.
  let amount: Int64
  let limit: Int64
  /// What is wanted beyond the amount, for further calls.
  let ahead: Int64
  /// The generation of the quota, 0 when there is none.
  let generation: Int64
}

/// Since when a store is known not to have lost anything.
enum StoreEpoch: Sendable, Equatable {
  /// Since it has this name.
  case named(String)
  /// For so long.
  case since(milliseconds: Int64)
}

/// The counters that all replicas share. Each method is one step that no other one interrupts. Everything throws
/// `RedisError`.
protocol BudgetCounterStore: Sendable {
  /// Reserves in all counters or in none, for a process. Runs to its end although the caller is cancelled.
  func reserve(_ requests: [ReserveRequest], process: String) async throws -> ReserveReply
  /// Adds an amount to a counter of a generation. Runs to its end although the caller is cancelled.
  func add(_ amount: Int64, to key: String, generation: Int64) async throws
  /// Replaces what was reserved by what was used.
  func settle(_ changes: [QuotaReturn]) async throws
  /// Takes back prefetched quota of a process.
  func release(_ quota: [(key: String, generation: Int64, amount: Int64)], process: String) async throws
  /// Begins to build a counter within some time; `end` in seconds since 1970.
  func seed(_ key: String, generation: Int64, end: Int64?, milliseconds: Int64) async throws -> SeedReply
  /// Ends building. Returns false when another generation has taken its place.
  func finish(_ key: String, generation: Int64, value: Int64) async throws -> Bool
  /// The generation of each counter, 0 for one that is missing.
  func generations(_ keys: [String]) async throws -> [Int64]
  /// The value of each counter, nil for one that is missing or being built.
  func values(_ keys: [String]) async throws -> [Int64?]
  /// Since when the store has lost nothing, or the part of it that has a tenant's counters; nil when that is not known.
  func epoch(tenant: String?) async throws -> StoreEpoch?
  /// Removes counters; nobody builds them anew before the time is over.
  func invalidate(_ keys: [String], milliseconds: Int64) async throws
  /// The same for all counters of a tenant.
  func invalidate(tenant: String, milliseconds: Int64) async throws
  /// How long a removed counter may not be built yet.
  func milliseconds(beforeBuilding key: String) async throws -> Int64
}
