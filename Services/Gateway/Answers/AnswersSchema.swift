package import Postgres

/// The part of the gateway's schema that keeps answers.
package enum AnswersSchema {
  /// The script, with its number in the schema of the gateway.
  package static func migration(version: Int) -> Migration {
    Migration(
      version: version, name: "answers", sql: String(decoding: PackageResources._001_answers_sql, as: UTF8.self))
  }
}
