internal import Contracts
internal import Decider
internal import Postgres
internal import Primitives

/// Builds the statements of the lists. Sessions use generic plans, so a statement holds the conditions that it has and
/// no others, and a bound on its rows as a literal: the planner takes an unknown one for a tenth of the table.
package struct ListSQL {
  /// Rows of the largest page, and one more.
  static let rowsMax = 201
  /// Rows that are examined for one page where no index knows the whole filter.
  static let examinedMax = 5000

  /// The order in which lists show runs.
  enum Order: String {
    case newestFirst = "desc"
    case oldestFirst = ""
  }

  /// The parts of a list that `run.shelf` distinguishes.
  enum Shelf: Int, CaseIterable {
    /// No run of its own in the list of tasks.
    case other = 0
    /// The only run of a task.
    case task = 1
    /// The only run of an archived task.
    case archived = 2
  }

  /// The statuses in the order of `run_place`.
  package static let statuses = ["pending", "running", "paused", "compensating", "succeeded", "failed", "cancelled"]
  /// Those of runs that have not ended.
  package static let openStatuses = Array(statuses[..<4])

  private(set) var parameters: [any PostgresEncodable] = []

  /// Adds a parameter and returns its name in the statement.
  mutating func add(_ value: any PostgresEncodable) -> String {
    parameters.append(value)
    return "$\(parameters.count)"
  }

  /// An id as it stands in the indexes of lists.
  private static func bytes(_ id: String) -> String { "uuid_send(\(id))" }

  private static let place = "run_place(r.status, r.is_paused, r.shelf, r.id = r.task_id)"

  /// Selections of the ids of runs, to be merged; at most `rowsMax` of each. For one workflow there is a range of the
  /// index for each status and shelf that is wanted; without one, the ranges are found in the index first.
  mutating func runs(
    _ tenant: String, _ filter: RunFilter, statuses: [String], shelves: [Shelf], from cursor: String, _ order: Order,
    rowsMax: Int
  ) -> [String] {
    let places = shelves.flatMap { shelf in
      ListSQL.statuses.indices.filter { statuses.contains(ListSQL.statuses[$0]) }.map { shelf.rawValue * 10 + $0 }
    }
    var columns = ["r.tenant_id"]
    var values = [tenant]
    if let project = filter.project {
      columns.append("r.project_id")
      values.append("\(add(project.uuid))::uuid")
    }
    let condition = filter.project == nil ? "" : "r.project_id is not null and "
    columns += ["r.workflow", ListSQL.place, ListSQL.bytes("r.id")]
    if let workflow = filter.workflow {
      values.append("\(add(workflow))::text")
      return places.map { place in
        let range = ListSQL.range(columns, values + ["\(place)::int2"], from: cursor, order, last: ListSQL.bytes)
        return "(select r.id from run r where \(condition)\(range) limit \(rowsMax))"
      }
    }
    let owned = condition + zip(columns, values).map { "\($0) = \($1)" }.joined(separator: " and ")
    let next = "select r.workflow, \(ListSQL.place) as place from run r where \(owned)"
    let inOrder = "order by r.workflow, \(ListSQL.place) limit 1"
    let range =
      condition + ListSQL.range(columns, values + ["l.workflow", "l.place"], from: cursor, order, last: ListSQL.bytes)
    return [
      """
      (with recursive list(workflow, place) as (
        (\(next) \(inOrder))
        union all
        select x.* from list l cross join lateral (
          \(next) and (r.workflow, \(ListSQL.place)) > (l.workflow, l.place) \(inOrder)) x
      ), first as materialized (
        select l.workflow, l.place from list l cross join lateral (select r.id from run r where \(range) limit 1) f
        where l.place = any('{\(places.map { "\($0)" }.joined(separator: ","))}'::int2[])
        order by f.id \(order.rawValue) limit \(rowsMax)
      )
      select x.id from first l cross join lateral (select r.id from run r where \(range) limit \(rowsMax)) x
      order by x.id \(order.rawValue) limit \(rowsMax))
      """
    ]
  }

  /// The condition and order of the rows with `values` in the first columns, from a place in the last one on. The last
  /// two columns are compared as a row, which is where a scan begins; the bound on the last value is where it ends: a
  /// comparison of rows ends no scan by its second column. As an equality that value would be no part of the order, and
  /// the planner might walk another index in the order of ids and hope to find enough rows on its way.
  static func range(
    _ columns: [String], _ values: [String], from cursor: String, _ order: Order,
    last wrapped: (String) -> String = { $0 }
  ) -> String {
    let value = values.count - 1
    let (before, end) = order == .newestFirst ? ("<", ">=") : (">", "<=")
    let equal = zip(columns, values).prefix(value).map { "\($0) = \($1) and " }.joined()
    let from = wrapped("\(cursor)::uuid")
    let row = "(\(columns[value]), \(columns[value + 1])) \(before) (\(values[value]), \(from))"
    return "\(equal)\(row) and \(columns[value]) \(end) \(values[value]) order by "
      + columns.map { "\($0) \(order.rawValue)" }.joined(separator: ", ")
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
      text += " and run_place(r.status, r.is_paused, 0::int2, false) = \(place)::int2"
    }
    return text
  }
}

extension UUID {
  /// Behind every id.
  static let last = UUID(high: .max, low: .max)
}
