/// Writes WebAssembly modules byte by byte, well formed or not: what a compiler would not make.
struct WasmEncoder {
  enum Import {
    case function(module: String, name: String, type: Int)
  }

  static let i32: UInt8 = 0x7F
  static let i64: UInt8 = 0x7E

  /// Parameters and results.
  var types: [([UInt8], [UInt8])] = []
  var imports: [Import] = []
  /// Types of the functions with a body.
  var functions: [Int] = []
  /// Locals (count and type) and instructions, without the last `end`.
  var bodies: [(locals: [(UInt64, UInt8)], code: [UInt8])] = []
  /// Minimum and maximum pages; flags as they are written.
  var memory: (flags: UInt8, minimum: UInt64, maximum: UInt64?)?
  var table: (minimum: UInt64, maximum: UInt64?)?
  var globals = 0
  /// Name, kind and index.
  var exports: [(String, UInt8, UInt64)] = []
  var start: UInt64?
  var data: [(offset: Int64, bytes: [UInt8])] = []
  var elements: [(offset: Int64, functions: [UInt64])] = []
  /// Bytes of a section that nobody reads.
  var customBytes = 0

  /// The number as LEB128.
  static func number(_ value: UInt64) -> [UInt8] {
    var value = value
    var bytes: [UInt8] = []
    repeat {
      let low = UInt8(truncatingIfNeeded: value & 0x7F)
      value >>= 7
      bytes.append(value == 0 ? low : low | 0x80)
    } while value != 0
    return bytes
  }

  /// The signed number as LEB128.
  static func signed(_ value: Int64) -> [UInt8] {
    var value = value
    var bytes: [UInt8] = []
    while true {
      let low = UInt8(truncatingIfNeeded: value & 0x7F)
      value >>= 7
      if (value == 0 && low & 0x40 == 0) || (value == -1 && low & 0x40 != 0) { return bytes + [low] }
      bytes.append(low | 0x80)
    }
  }

  static func const(_ value: Int64) -> [UInt8] { [0x41] + signed(value) }
  static func const64(_ value: Int64) -> [UInt8] { [0x42] + signed(value) }
  static func call(_ index: Int) -> [UInt8] { [0x10] + number(UInt64(index)) }
  /// Stores a 32-bit word.
  static func store(_ address: Int64, _ value: Int64) -> [UInt8] { const(address) + const(value) + [0x36, 2, 0] }
  static let drop: [UInt8] = [0x1A]
  /// A loop without end around instructions.
  static func forever(_ code: [UInt8]) -> [UInt8] { [0x03, 0x40] + code + [0x0C, 0x00, 0x0B] }

  static func name(_ text: String) -> [UInt8] { number(UInt64(text.utf8.count)) + Array(text.utf8) }
  static func section(_ id: UInt8, _ bytes: [UInt8]) -> [UInt8] { [id] + number(UInt64(bytes.count)) + bytes }
  static func vector(_ items: [[UInt8]]) -> [UInt8] { number(UInt64(items.count)) + items.flatMap { $0 } }
  static let header: [UInt8] = [0, 0x61, 0x73, 0x6D, 1, 0, 0, 0]

  static func limits(_ minimum: UInt64, _ maximum: UInt64?, flags: UInt8 = 0) -> [UInt8] {
    [flags | (maximum == nil ? 0 : 1)] + number(minimum) + (maximum.map(number) ?? [])
  }

  func encoded() -> [UInt8] {
    typealias W = WasmEncoder
    var bytes = W.header
    if customBytes > 0 { bytes += W.section(0, W.name("padding") + [UInt8](repeating: 7, count: customBytes)) }
    bytes += W.section(
      1,
      W.vector(
        types.map { parameters, results in
          [0x60] + W.number(UInt64(parameters.count)) + parameters + W.number(UInt64(results.count)) + results
        }))
    if !imports.isEmpty {
      bytes += W.section(
        2,
        W.vector(
          imports.map { item in
            switch item {
            case .function(let module, let name, let type):
              W.name(module) + W.name(name) + [0] + W.number(UInt64(type))
            }
          }))
    }
    bytes += W.section(3, W.vector(functions.map { W.number(UInt64($0)) }))
    if let table { bytes += W.section(4, [1, 0x70] + W.limits(table.minimum, table.maximum)) }
    if let memory { bytes += W.section(5, [1] + W.limits(memory.minimum, memory.maximum, flags: memory.flags)) }
    if globals > 0 {
      bytes += W.section(6, W.vector([[UInt8]](repeating: [W.i32, 1, 0x41, 0, 0x0B], count: globals)))
    }
    bytes += W.section(7, W.vector(exports.map { W.name($0.0) + [$0.1] + W.number($0.2) }))
    if let start { bytes += W.section(8, W.number(start)) }
    if !elements.isEmpty {
      bytes += W.section(
        9, W.vector(elements.map { [0] + W.const($0.offset) + [0x0B] + W.vector($0.functions.map(W.number)) }))
    }
    bytes += W.section(
      10,
      W.vector(
        bodies.map { body in
          let locals = W.vector(body.locals.map { W.number($0.0) + [$0.1] })
          let code = locals + body.code + [0x0B]
          return W.number(UInt64(code.count)) + code
        }))
    if !data.isEmpty {
      bytes += W.section(
        11,
        W.vector(data.map { [0] + W.const($0.offset) + [0x0B] + W.number(UInt64($0.bytes.count)) + $0.bytes }))
    }
    return bytes
  }

  /// A command of one function `_start` with some imports of WASI, by name. Index n is the nth import.
  static func command(
    imports names: [String] = [], pages: UInt64 = 1, data: [UInt8] = [], _ code: [UInt8]
  ) -> WasmEncoder {
    var module = WasmEncoder()
    module.types = [([], [])]
    for wanted in names {
      guard let signature = wasi[wanted] else { continue }
      module.types.append(signature)
      module.imports.append(.function(module: "wasi_snapshot_preview1", name: wanted, type: module.types.count - 1))
    }
    module.functions = [0]
    module.bodies = [([], code)]
    module.memory = (0, pages, nil)
    module.exports = [("_start", 0, UInt64(module.imports.count)), ("memory", 2, 0)]
    if !data.isEmpty { module.data = [(1024, data)] }
    return module
  }

  private static let wasi: [String: ([UInt8], [UInt8])] = [
    "fd_write": ([i32, i32, i32, i32], [i32]), "fd_read": ([i32, i32, i32, i32], [i32]), "proc_exit": ([i32], []),
    "random_get": ([i32, i32], [i32]), "poll_oneoff": ([i32, i32, i32, i32], [i32]), "fd_close": ([i32], [i32]),
    "path_open": ([i32, i32, i32, i32, i32, i64, i64, i32, i32], [i32]), "sched_yield": ([], [i32]),
    "sock_accept": ([i32, i32, i32], [i32]), "fd_renumber": ([i32, i32], [i32]),
    "fd_prestat_get": ([i32, i32], [i32]), "environ_sizes_get": ([i32, i32], [i32]),
    "args_sizes_get": ([i32, i32], [i32]), "clock_time_get": ([i32, i64, i32], [i32]),
    "path_symlink": ([i32, i32, i32, i32, i32], [i32]), "path_unlink_file": ([i32, i32, i32], [i32]),
    "fd_allocate": ([i32, i64, i64], [i32]), "proc_raise": ([i32], [i32]),
    "sock_send": ([i32, i32, i32, i32, i32], [i32]), "sock_recv": ([i32, i32, i32, i32, i32, i32], [i32]),
    "fd_filestat_set_size": ([i32, i64], [i32]),
  ]
}
