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
      artefacts RUN   list the files of a run
      artefact get    download a file
      tools           list tools
      tool add        upload a tool: a manifest and a .wasm, .py or .js file
      mcp             add, list and remove MCP servers
      approvals       show what waits for a person's approval
      approve ID      approve a step or a call
      reject ID       reject it
      outcome ID WHAT say what became of a call that nobody knows the outcome of
      questions       show what agents ask
      answer ID TEXT  answer a question
      admin           tenants, users, service accounts, API keys and invitations
      replay FILE...  replay run bundles and compare every decision, without a database
      audit list      show the audit log
      audit export    write it to a file
      audit verify    find out whether it was changed, here or in an export
      secrets rotate  bring stored secrets under the newest keys
      policy          test, check, format and ask policies, and compare them with a decision log
      doctor          check an installation, and say how to mend what is wrong
      status          show services, queue, runs, workers, spend and breakers
      logs            show and follow the logs of a local stack
      version         print the version
    """

  private static let client = """
      --data FOLDER   the stack's data folder, for its key (default .local); CADRE_API_KEY or CADRE_API_KEY_FILE
                      in the environment wins
      --port N        port of the API on this machine (default 8080)
      --url URL       address of the API elsewhere, such as https://cadre.example.com (or CADRE_API_URL)
    """

  private static let place = """
      --data FOLDER   the data folder of a local stack (default .local)
      --url URL       the API of another installation (or CADRE_API_URL), with a key in CADRE_API_KEY
      --admin S=URL   an admin listener of service S; may stand several times (or CADRE_ADMIN_URLS, separated by commas).
                      A host name with several addresses stands for as many replicas
      --timeout N     seconds for each look, from 1 to 60
      --json          print JSON
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
      --tools T,...   tools that the agent may use; "*" for all
      --approve T,... risks or tools whose calls a person approves first
      --file PATH     a file that the agent finds, under its own name or as NAME=PATH; may stand several times
      --model M       the model
      --system TEXT   what the agent is told about itself

    Example: cadre submit "What is 6*7?"
             cadre submit "Sum up the column total of sales.csv" --file sales.csv --tools artefact_read,run_python
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
    "artefacts": """
    Usage: cadre artefacts RUN [options]

    Lists the newest versions of the files of a run: id, bytes, media type and name.

    \(client)
    """,
    "artefact": """
    Usage: cadre artefact get ID [options]

    Downloads a file, to the standard output unless a file is named.

    \(client)
      -o FILE         write it to FILE

    Example: cadre artefact get artefact_0198... -o plot.png
    """,
    "tools": """
    Usage: cadre tools [options]

    Lists built-in tools, tools of users and tools of MCP servers: name, source, risk and status.

    \(client)
    """,
    "tool": """
    Usage: cadre tool add MANIFEST FILE [options]
           cadre tool remove NAME [options]

    Uploads a tool, or a new version of it: a JSON manifest (name, description, parameters, runtime, risk, idempotent,
    timeout_ms, result_bytes_max) and its source, a .wasm, .py or .js file. docs/user-tools.md describes both.

    \(client)

    Example: cadre tool add slugify.json slugify.py
    """,
    "mcp": """
    Usage: cadre mcp list [options]
           cadre mcp add NAME URL [options]
           cadre mcp add NAME COMMAND [options] [-- ARGUMENT...]
           cadre mcp tools ID [options]
           cadre mcp approve ID TOOL [options]
           cadre mcp remove ID [options]

    Registers MCP servers whose tools agents may use. A command must be allowed by the operator
    (CADRE_MCP_ALLOWED_COMMANDS). Values are stored encrypted and never shown.

    \(client)
      --header N=V    a header field of every request; may stand several times. V is @FILE for the content of a file
      --env N=V       a variable of the program's environment, in the same form
      --trust T       approve: each tool needs an approval (default); pin: a tool is approved as it is first seen
      --timeout N     seconds for a call of a tool (default 30)
      --sha256 H      approve exactly this definition (default: the one that is shown)

    Example: cadre mcp add search https://mcp.example.com/mcp --header authorization=@token
    """,
    "approvals": """
    Usage: cadre approvals [options]

    Shows approvals, newest first: id, status, kind (step, tool_call, unknown_outcome), run, step, tool, until when it
    waits (- for ever), and subject.

    \(client)
      --status S      pending (default), approved, rejected, answered, expired or withdrawn
      --run RUN       only those of a run
    """,
    "approve": """
    Usage: cadre approve ID [options]

    Shows what waits for approval and approves it. The decision is bound to the digest of what is shown.

    \(client)
      --comment TEXT  why; the agent reads it
      --sha256 HEX    the digest of a subject that was read before, instead of showing it
    """,
    "reject": """
    Usage: cadre reject ID [options]

    Shows what waits for approval and rejects it. The decision is bound to the digest of what is shown.

    \(client)
      --comment TEXT  why; the agent reads it
      --sha256 HEX    the digest of a subject that was read before, instead of showing it
    """,
    "outcome": """
    Usage: cadre outcome ID done|not_done|failed [options]

    Says what became of a call whose worker died before it could record it (an approval of kind unknown_outcome). With
    not_done the call is made again.

    \(client)
      --result TEXT   what the call gave; needed with done
      --message TEXT  why it has failed
    """,
    "questions": """
    Usage: cadre questions [options]

    Shows what agents ask, newest first: id, status, run, step, until when it waits (- for ever), and question.

    \(client)
      --status S      pending (default), answered, expired or withdrawn
      --run RUN       only those of a run
    """,
    "answer": """
    Usage: cadre answer ID TEXT [options]
           cadre answer ID --json JSON [options]

    Answers a question of an agent; its run goes on when nothing else is open.

    \(client)

    Example: cadre answer step_019387a2c1d47b3e8f2a4c6d8e0f1a2b "The blue one."
    """,
    "admin": """
    Usage: cadre admin bootstrap [--email E]
           cadre admin tenants list|create NAME|get ID|suspend ID|resume ID|export ID|delete ID
           cadre admin users list|get ID|update ID|remove ID
           cadre admin service-accounts list|create NAME|get ID|update ID|remove ID
           cadre admin keys list|create NAME|get ID|rotate ID|revoke ID
           cadre admin invitations list|create EMAIL|get ID|revoke ID|accept TOKEN

    Manages who may use the installation. bootstrap makes the first owner of the tenant of the key, with a password and
    a key that are shown once. Texts of keys and tokens of invitations are shown once, too.

    \(client)
      --cursor C      lists: go on where the page before ended
      --subject ID    keys list: only those of a user or a service account
      --owner EMAIL   tenants create: invite the first owner
      --role R        owner, admin, operator, member or viewer
      --name TEXT     users and service-accounts update, invitations accept
      --description T service-accounts create and update
      --for ID        keys create: the service account that the key is for (default: who asks)
      --grants LIST   keys create: of read, write, models, approve, admin, operator (default read,write,models)
      --project P     keys create: the project that its requests are charged to
      --expires TIME  keys create: such as 2027-01-31T00:00:00Z
      --overlap N     keys rotate: seconds in which the text before stays good (default 86400)
      --password-file F  invitations accept: the password is the first line of F; without it a key is made
      --key-name TEXT invitations accept: make a key with this name

    Example: cadre admin keys create ci --for svc_0198... --grants read,write --expires 2027-01-31T00:00:00Z
    """,
    "replay": """
    Usage: cadre replay FILE... [options]

    Replays run bundles (GET /api/v1/runs/RUN/bundle) and compares every decision, without a database. Ends with 0 when
    all are consistent, 1 when one is not, 2 when a file cannot be read.

      --workflow FILE replay with this workflow document instead of the bundle's own
      --json          print the whole report
    """,
    "audit": """
    Usage: cadre audit list [--actor A] [--route R] [--outcome O] [--since T] [--until T] [--limit N] [--json]
           cadre audit export [--output FILE] [--after N]
           cadre audit verify [FILE] [--keys FILE] [--earlier FILE]

    Shows the audit log of the key's tenant, exports it, and verifies it: on the server, or with FILE an export, for
    which no server is needed. Ends with 0 when it is intact, with 1 when it was changed.

      --outcome O     succeeded, failed, refused, or unknown
      --after N       export the entries behind number N
      --keys FILE     the keys that sign (or CADRE_AUDIT_KEYS_FILE); without them only the hashes are verified
      --earlier FILE  an earlier export, whose end must stand in this one
      --operator      the log of the installation: those who have no tenant
      --tenant ID     the log of that tenant, with a key of an operator
    \(client)

    Example: cadre audit export -o audit.ndjson && cadre audit verify audit.ndjson --keys audit_keys
    """,
    "secrets": """
    Usage: cadre secrets rotate [options]

    Brings every stored secret under the newest key: put the new key first in the lists of keys, restart the services,
    then run this, then take the old key away. It can be ended and begun again at any time. Needs a key of an operator.

    \(client)

    Example: cadre secrets rotate
    """,
    "policy": """
    Usage: cadre policy test [PATH...] [--coverage] [--threshold N] [--run TEXT] [--verbose] [--json]
           cadre policy coverage [PATH...] [--threshold N] [--json]
           cadre policy check [PATH...] [--json]
           cadre policy fmt [PATH...] [--check] [--print]
           cadre policy eval QUERY [PATH...] [--input FILE] [--explain]
           cadre policy what-if LOG... [--policies PATH] [--exact] [--json]
           cadre policy status|halt|release
           cadre policy mode off|dry_run|enforce [--canary N]
           cadre policy data show|set FILE|remove [--tenant ID]

    Works on policies in Rego: folders with *.rego and data/*.json (default: policies), or single modules. Ends with 0
    when all is well, 1 when something is not (a test fails, a fault, a module that is not formatted, an answer that is
    undefined, a decision that would differ), 2 when the command line is not understood or a file cannot be read.

    test runs the rules test_... of *_test.rego; coverage names the rules and expressions that no test has seen hold.
    check prints every fault with its line and column. fmt brings modules into their canonical form. eval answers a
    query, or the document at a path such as cadre/http/decision. what-if asks the questions of a decision log (the
    JSON lines of OPA; - is the standard input) again and lists which answers would differ.

      --data FILE     a JSON document that is merged into data, such as {"tenants": {...}}; may stand several times
      --threshold N   percent of rules and expressions that tests have to reach
      --run TEXT      only tests whose name holds the text
      --check         change nothing, and name what is not formatted
      --print         print the formatted modules instead of writing them
      --input FILE    the input, a JSON document; - is the standard input
      --explain       print on the standard error which rules and expressions hold
      --policies PATH the policies to compare with; may stand several times
      --exact         compare whole results, and not only their effects

    The others steer the gateways of an installation that runs. status shows the mode, the halt switch and the bundle;
    mode changes how decisions are carried out; halt refuses everything but reading until release; these need a key of
    an operator. data shows, replaces or takes away what the tenant of the key has set for its policies, a file as
    docs/policies.md describes it.

      --canary N      mode enforce: for N percent of the tenants, for the others it is dry_run
      --tenant ID     data: of this tenant, with a key of an operator
      --status S      data set: active or suspended, with --tenant
      --if-version N  data set and remove: only when this version is there
    \(client)

    Example: cadre policy eval cadre/http/decision --input request.json
             cadre policy mode enforce --canary 25
    """,
    "doctor": """
    Usage: cadre doctor [options]

    Checks configuration, services, versions, Postgres and its migrations, Redis, the API, providers of models (without
    spending anything), keys, clocks, limits of descriptors and disks, and says how to mend what is wrong. Ends with 0
    when nothing is at fault, 1 when something is, 2 when the command line is not understood.

    \(place)
      --config S=FILE have service S check a configuration file; may stand several times
      --bin FOLDER    where the executables are (default: beside cadre)

    Of another installation it looks at what it has addresses for: CADRE_POSTGRES_URL, CADRE_REDIS_URL and CADRE_API_KEY,
    each also as the path of a file with _FILE, and the files of CADRE_IDENTITY_..._KEYS_FILE.

    Example: cadre doctor --data /srv/cadre
    """,
    "status": """
    Usage: cadre status [options]

    Shows services and replicas, the queue, runs of the last 24 hours by status, workers, what was spent today (UTC) and
    breakers. Ends with 0 when every service has a replica that is ready.

    \(place)
      --watch         show it again every two seconds, until Ctrl-C

    Example: cadre status --watch
    """,
    "logs": """
    Usage: cadre logs [options]

    Shows the last lines of the logs of a local stack, in the order of their times.

      --data FOLDER   the stack's data folder (default .local)
      --service S     only this service or process; may stand several times
      --level L       only lines of at least this level: debug, info, warning, error
      --run ID        only lines about a run, a step or a trace
      --lines N       how many lines (default 100)
      --follow        go on with what is added, until Ctrl-C
      --json          print the lines as they are

    Example: cadre logs --follow --service orchestrator --level warning
    """,
    "version": """
    Usage: cadre version

    Prints the version.
    """,
  ]
}
