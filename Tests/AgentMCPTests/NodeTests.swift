import AgentTools
import Contracts
import Glibc
import JSON
import Testing

@testable import AgentMCP

/// A server over stdio that runs on Node, which compiles as it runs and has threads of its own, in the jail.
@Suite(.serialized) struct NodeTests {
  private static let node = "/usr/bin/node"
  private static let isInstalled = access(node, X_OK) == 0 && TestServers.hasJail

  private static let script = #"""
    const child = require('child_process'), dgram = require('dgram'), fs = require('fs'), net = require('net');
    const { Worker } = require('worker_threads');
    const send = message => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\n');

    async function attempt(work) {
      try { return String(await work()); } catch (error) { return error.code ?? String(error); }
    }

    // Hot enough to be compiled, and a module that is compiled at once: (i32, i32) -> i32, the sum.
    function compute() {
      const square = number => number * number % 7;
      let sum = 0;
      for (let number = 0; number < 2e6; number++) sum += square(number);
      const bytes = [0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 127, 127, 1, 127, 3, 2, 1, 0, 7, 7, 1, 3, 97, 100,
                     100, 0, 0, 10, 9, 1, 7, 0, 32, 0, 32, 1, 106, 11];
      const module = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(bytes)));
      return sum > 0 ? module.exports.add(40, 2) : 0;
    }

    const thread = () => new Promise((resolve, reject) => {
      const worker = new Worker("require('worker_threads').parentPort.postMessage(6 * 7)", { eval: true });
      worker.on('message', resolve).on('error', reject);
    });
    const connect = port => new Promise((resolve, reject) => {
      const socket = net.connect(port, '127.0.0.1', () => resolve('connected'));
      socket.on('error', reject);
    });
    const listen = () => new Promise((resolve, reject) => {
      net.createServer().on('error', reject).listen(0, '127.0.0.1', () => resolve('listening'));
    });
    const datagram = () => new Promise((resolve, reject) => {
      const socket = dgram.createSocket('udp4').on('error', reject);
      socket.send('x', 9, '127.0.0.1', error => error ? reject(error) : resolve('sent'));
    });
    const own = () => {
      fs.writeFileSync(process.env.HOME + '/note', 'kept');
      return fs.readFileSync(process.env.HOME + '/note', 'utf8');
    };

    async function work({ port, secret }) {
      return {
        compute: await attempt(compute), thread: await attempt(thread), own: await attempt(own),
        child: await attempt(() => child.execFileSync('/bin/echo', ['out']).toString().trim()),
        read: await attempt(() => fs.readFileSync(secret)), write: await attempt(() => fs.writeFileSync(secret, 'x')),
        folder: await attempt(() => fs.readdirSync('/tmp')), users: await attempt(() => fs.readFileSync('/etc/passwd')),
        environment: await attempt(() => fs.readFileSync(`/proc/${process.ppid}/environ`)),
        connect: await attempt(() => connect(port)), listen: await attempt(listen), datagram: await attempt(datagram),
        signal: await attempt(() => process.kill(process.ppid, 'SIGTERM')),
      };
    }

    require('readline').createInterface({ input: process.stdin }).on('line', async line => {
      const { id, method, params } = JSON.parse(line);
      if (id === undefined) return;
      if (method === 'initialize') {
        send({ id, result: { protocolVersion: params.protocolVersion, capabilities: { tools: {} },
                             serverInfo: { name: 'node', version: '1' } } });
      } else if (method === 'tools/list') {
        send({ id, result: { tools: [{ name: 'work', inputSchema: { type: 'object' } }] } });
      } else if (method === 'tools/call') {
        send({ id, result: { content: [{ type: 'text', text: JSON.stringify(await work(params.arguments)) }] } });
      } else {
        send({ id, error: { code: -32601, message: 'unknown' } });
      }
    });
    """#

  @Test(.enabled(if: isInstalled, "there is no /usr/bin/node, or no jail for it"))
  func `Node compiles, has threads and children, and reaches nothing outside`() async throws {
    let secret = "/tmp/cadre-mcp-node-\(getpid())"
    let file = open(secret, O_WRONLY | O_CREAT | O_TRUNC, 0o666)
    try #require(file >= 0)
    fchmod(file, 0o666)
    close(file)
    defer { unlink(secret) }
    let listener = try #require(await MCPListener())
    let world = MCPWorld(.stdio(command: Self.node, arguments: ["-e", Self.script], environmentNames: [])) {
      $0.commands = [Self.node]
    }
    let result = try await world.call("work", #"{"port": \#(listener.port), "secret": "\#(secret)"}"#)
    #expect(!result.isError, "\(result.text)")
    let root = try JSONDocument(parsing: result.text).root
    for (name, value) in [("compute", "42"), ("thread", "42"), ("own", "kept"), ("child", "out")] {
      #expect(root[name]?.string == value, "\(name): \(root[name]?.string ?? "")")
    }
    for name in [
      "read", "write", "folder", "users", "environment", "connect", "listen", "datagram", "signal",
    ] {
      #expect(["EACCES", "EPERM"].contains(root[name]?.string), "\(name): \(root[name]?.string ?? "")")
    }
    await world.end()
  }
}
