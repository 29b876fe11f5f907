/// The help texts.
enum Usage {
  static let text = """
    cadre: run teams of AI agents

    Usage: cadre COMMAND [options]
           cadre COMMAND --help

    Commands:
      up              start a local stack (Postgres, Redis, all services) until Ctrl-C
      submit PROMPT   submit a task and wait for its answer
      get TASK        show a task
      events RUN      show the history of a run
      replay FILE...  replay run bundles and compare every decision, without a database
      version         print the version
    """

  private static let client = """
      --data FOLDER   the stack's data folder, for its key (default .local); CADRE_API_KEY in the environment wins
      --port N        port of the API on this machine (default 8080)
      --url URL       address of the API elsewhere, such as https://cadre.example.com
    """

  /// The help of each command.
  static let commands = [
    "up": """
    Usage: cadre up [options]

    Starts a private Postgres, a private Redis and all services, submits an example task, and runs until Ctrl-C. What
    ends by itself is started again: at once, and with growing pauses (10 s at most) when it ends again and again.

      --data FOLDER   where all data is kept (default .local)
      --port N        port of the API (default 8080)
      --replicas N    processes of each service, from 1 to 8 (default 1)
      --bin FOLDER    where the executables are (default: beside cadre)
      --set S.N=V     environment variable N of service S, such as orchestrator.CADRE_LEASE_DURATION_MS=5000; may
                      stand several times; docs/configuration.md has the names
      --no-example    do not submit the example task

    A provider of your own: CADRE_PROVIDER_URL (OpenAI-compatible, with /v1), CADRE_PROVIDER_KEY and
    CADRE_PROVIDER_MODEL in the environment. Without them a mock provider answers.

    Example: cadre up --port 9000 --data /srv/cadre
    """,
    "submit": """
    Usage: cadre submit PROMPT [options]

    Submits a task and waits for its answer. Ends with 0 when the API took the task.

    \(client)
      --wait N        seconds to wait for the end, from 0 to 60 (default 60)

    Example: cadre submit "What is 6*7?"
    """,
    "get": """
    Usage: cadre get TASK [options]

    Shows a task and the end of its run.

    \(client)
    """,
    "events": """
    Usage: cadre events RUN [options]

    Shows the history of a run: sequence number, time, type and step of each event.

    \(client)
    """,
    "replay": """
    Usage: cadre replay FILE... [options]

    Replays run bundles (GET /api/v1/runs/RUN/bundle) and compares every decision, without a database. Ends with 0 when
    all are consistent, 1 when one is not, 2 when a file cannot be read.

      --workflow FILE replay with this workflow document instead of the bundle's own
      --json          print the whole report
    """,
    "version": """
    Usage: cadre version

    Prints the version.
    """,
  ]
}
