internal import Contracts
internal import Decider
internal import Postgres
internal import Primitives

/// Which tasks or runs are listed.
struct RunFilter: Sendable {
  var project: ProjectID?
  var task: TaskID?
  var workflow: String?
  var status: String?
  var label: String?
  var isArchivedToo = false

  /// Whether nothing but a task is asked for.
  var isPlain: Bool { project == nil && workflow == nil && status == nil }
}

/// A page of a list.
struct ListPage<Row: Sendable>: Sendable {
  var rows: [Row]
  /// Where the next page begins, although this one has fewer rows than were asked for: so many rows were looked at that do
  /// not fit the filter.
  var cut: UUID?
}

/// Builds the statements of the lists. Sessions use generic plans, so a statement holds the conditions that it has and
/// no others, and a bound on its rows as a literal: the planner takes an unknown one for a tenth of the table.
struct ListSQL {
  /// Rows of the largest page, and one more.
  static let rowsMax = 201
  /// Rows that are looked at for one page where no index knows the whole filter.
  static let looksMax = 5000

  /// The order in which lists show runs.
  enum Order: String {
    case newestFirst = "desc"
    case oldestFirst = ""
  }

  /// The parts of a list that `run.shelf` tells apart.
  enum Shelf: Int, CaseIterable {
    /// No run of its own in the list of tasks.
    case other = 0
    /// The only run of a task.
    case task = 1
    /// The only run of an archived task.
    case archived = 2
  }

  /// The statuses in the order of `run_place`.
  static let statuses = ["pending", "running", "paused", "compensating", "succeeded", "failed", "cancelled"]
  /// Those of runs that have not ended.
  static let openStatuses = Array(statuses[..<4])

  private(set) var parameters: [any PostgresEncodable] = []

  /// Adds a parameter and returns its name in the statement.
  mutating func add(_ value: any PostgresEncodable) -> String {
    parameters.append(value)
    return "$\(parameters.count)"
  }

  /// The ids of runs by the indexes, a branch for every status and shelf that is wanted; at most `rowsMax` of each.
  mutating func runs(
    _ tenant: String, _ filter: RunFilter, statuses: [String], shelves: [Shelf], from cursor: String, _ order: Order,
    rowsMax: Int
  ) -> [String] {
    var columns = ["r.tenant_id"]
    var values = [tenant]
    if let project = filter.project {
      columns.append("r.project_id")
      values.append("\(add(project.uuid))::uuid")
    }
    if let workflow = filter.workflow {
      columns.append("r.workflow")
      values.append("\(add(workflow))::text")
    }
    let condition = filter.project == nil ? "" : "r.project_id is not null and "
    return shelves.flatMap { shelf in
      ListSQL.statuses.indices.filter { statuses.contains(ListSQL.statuses[$0]) }.map { status in
        let range = ListSQL.range(
          columns + ["run_place(r.status, r.is_paused, r.shelf)", "r.id"],
          values + ["\(shelf.rawValue * 10 + status)::int2"], from: cursor, order)
        return "(select r.id from run r where \(condition)\(range) limit \(rowsMax))"
      }
    }
  }

  /// The condition and order of the rows with `values` in the first columns, from a place in the last one on. As a range
  /// of the whole key and ordered by all of it, which only the index on these columns can serve: with equalities and an
  /// order by the id alone, the planner may walk another index and hope to find enough rows on its way.
  static func range(_ columns: [String], _ values: [String], from cursor: String, _ order: Order) -> String {
    let (first, last) = ("'\(UUID(high: 0, low: 0))'::uuid", "'\(UUID.last)'::uuid")
    let key = "(\(columns.joined(separator: ", ")))"
    func bound(_ end: String) -> String { "(\((values + [end]).joined(separator: ", ")))" }
    let condition =
      switch order {
      case .newestFirst: "\(key) < \(bound("\(cursor)::uuid")) and \(key) >= \(bound(first))"
      case .oldestFirst: "\(key) > \(bound("\(cursor)::uuid")) and \(key) <= \(bound(last))"
      }
    return condition + " order by " + columns.map { "\($0) \(order.rawValue)" }.joined(separator: ", ")
  }

  /// The bound on the rows of a page of `limit` rows: one of few, so that there are few statements.
  static func bound(_ limit: Int) -> Int { [21, 51].first { limit <= $0 } ?? rowsMax }

  /// One list of ids out of several that are in order.
  static func merged(_ branches: [String], _ order: Order, limit: String) -> String {
    let all = branches.joined(separator: "\nunion all\n")
    return "select m.id from (\n\(all)\n) m order by m.id \(order.rawValue) limit \(limit)"
  }

  /// The conditions of a filter on a run `r`.
  mutating func conditions(_ filter: RunFilter) -> String {
    var text = ""
    if let project = filter.project { text += " and r.project_id = \(add(project.uuid))" }
    if let workflow = filter.workflow { text += " and r.workflow = \(add(workflow))" }
    if let place = filter.status.flatMap({ ListSQL.statuses.firstIndex(of: $0) }) {
      text += " and run_place(r.status, r.is_paused, 0::int2) = \(place)::int2"
    }
    return text
  }
}

extension UUID {
  /// Behind every id.
  static let last = UUID(high: .max, low: .max)
}
