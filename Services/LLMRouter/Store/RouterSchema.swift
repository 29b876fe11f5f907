internal import Postgres

/// The schema `llm_router`.
enum RouterSchema {
  static let name = "llm_router"
  static let migrations = [
    Migration(version: 1, name: "models", sql: String(decoding: PackageResources._001_models_sql, as: UTF8.self))
  ]
}
