internal import Glibc

/// What the command line says.
enum Output {
  /// Writes a line to the standard error.
  static func error(_ text: String) {
    let bytes = Array((text + "\n").utf8)
    _ = write(2, bytes, bytes.count)
  }

  /// Writes a line at once, also into a pipe.
  static func line(_ text: String) {
    print(text)
    fflush(nil)
  }
}

/// The help text.
enum Usage {
  static let text = """
    cadre: run teams of AI agents

    Usage: cadre COMMAND [options]

    Commands:
      up              start a local stack (Postgres, Redis, all services) until Ctrl-C
      submit PROMPT   submit a task and wait for its answer
      get TASK        show a task
      events RUN      show the history of a run
      replay FILE...  replay run bundles and compare every decision, without a database
      version         print the version

    Options of up:
      --data FOLDER   where all data is kept (default .local)
      --port N        port of the API (default 8080)
      --bin FOLDER    where the executables are (default: beside cadre)
      --no-example    do not submit the example task

    A provider of your own, for up: CADRE_PROVIDER_URL (OpenAI-compatible, with /v1), CADRE_PROVIDER_KEY and
    CADRE_PROVIDER_MODEL in the environment. Without them a mock provider answers.

    Options of submit, get and events:
      --data FOLDER   the stack's data folder, for its key (default .local)
      --port N        port of the API on this machine (default 8080)
      --wait N        seconds to wait for the end, for submit (default 60)

    Options of replay:
      --workflow FILE replay with this workflow document instead of the bundle's own
      --json          print the whole report
    """
}
