// The process that runs programs of agents. It is started by the jail, which has taken everything from it that it
// does not need; it takes requests of the supervisor and answers them.
import Glibc
import SandboxWorker

exit(WorkerProcess.run())
