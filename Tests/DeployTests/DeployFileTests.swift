import Foundation
import Testing

@Suite struct DeployFileTests {
  @Test(arguments: [
    "up", "upgrade", "down", "validate", "backup", "restore", "recover", "partition", "make-secrets", "images/build.sh",
    "cadre",
  ])
  func `every script parses and explains itself`(name: String) throws {
    #expect(try Script.run("bash", "-n", "deploy/\(name)").status == 0)
    guard name != "make-secrets" else { return }
    let help = try Script.run("deploy/\(name)", "--help")
    #expect(help.status == 0 && help.text.contains("Usage: deploy/\(name)"), "\(help.text)")
  }

  @Test func `there is one version: of the sources, every program, the changes, images and labels`() throws {
    let version = try Script.run("deploy/version").text.trimmingCharacters(in: .whitespacesAndNewlines)
    #expect(version.split(separator: ".").count == 3, "\(version)")
    for program in ["gateway", "orchestrator", "llm-router", "agent-core", "mock-provider", "cadre"] {
      let printed = try Script.run(Script.executables + "/\(program)", "--version").text
      #expect(printed == "\(program) \(version)\n")
    }
    func lines(_ path: String) throws -> [Substring] {
      try String(contentsOf: Script.root.appendingPathComponent(path), encoding: .utf8).split(separator: "\n")
    }
    let changes = try #require(try lines("CHANGELOG.md").first { $0.hasPrefix("## ") })
    #expect(changes.split(separator: " ")[1] == version, "the first heading of CHANGELOG.md")
    let manifest = try ["base", "migrate"].flatMap { try lines("deploy/kubernetes/\($0)/kustomization.yaml") }
    let named = manifest.filter { $0.contains("newTag:") || $0.contains("app.kubernetes.io/version:") }
    #expect(named.count >= 8)
    for line in named {
      #expect(line.contains("newTag: \(version) ") || line.contains("/version: \(version) "), "\(line)")
    }
  }

  @Test(arguments: ["docker-compose.yml", "docker-compose.prod.yml"])
  func `services of the stack are hardened and bounded`(name: String) throws {
    let text = try String(
      contentsOf: Script.root.appendingPathComponent("deploy/\(name)"), encoding: .utf8)
    // What our images are started as; the anchors hold for each of them.
    for rule in ["read_only: true", "cap_drop: [ALL]", "no-new-privileges:true"] {
      #expect(text.contains(rule), "\(rule)")
    }
    #expect(!text.contains(":latest") && !text.contains("PASSWORD: "))
    guard name.contains("prod") else { return }
    let services = text.components(separatedBy: "\nnetworks:\n")[0].components(separatedBy: "\nservices:\n")[1]
    let blocks = services.components(separatedBy: "\n\n")
    #expect(blocks.count >= 11)
    for block in blocks {
      for rule in ["image: ", "networks: ", "memory: ", "<<: *"] {
        #expect(block.contains(rule), "\(rule) in \(block.prefix(40))")
      }
    }
  }

  @Test(arguments: [("pgbouncer", "pgbouncer"), ("pgbouncer-exporter", "pgbouncer"), ("opa", "opa")])
  func `services that other files add are hardened and bounded too`(name: String, file: String) throws {
    let text = try String(
      contentsOf: Script.root.appendingPathComponent("deploy/docker-compose.\(file).yml"), encoding: .utf8)
    let block = try #require(text.components(separatedBy: "\n\n").first { $0.contains("\n  \(name):\n") })
    for rule in [
      "read_only: true", "cap_drop: [ALL]", "no-new-privileges:true", "user: \"65532:65532\"", "pids_limit: ",
      "memory: ",
      "max-size: ", "_IMAGE:-",
    ] { #expect(block.contains(rule), "\(rule)") }
    #expect(!block.contains("ports:") && (block.contains("networks: [data") || block.contains("networks: [app]")))
    // An exporter that is away is seen by its target.
    #expect(name.hasSuffix("exporter") || block.contains("healthcheck:"))
  }

  @Test func `the files of validation are all there are`() throws {
    let folder = Script.root.appendingPathComponent("deploy")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter {
      $0.hasPrefix("docker-compose.") && $0 != "docker-compose.yml" && $0 != "docker-compose.prod.yml"
    }
    let text = try String(contentsOf: folder.appendingPathComponent("validate"), encoding: .utf8)
    let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("overrides=(") })
    let checked = line.dropFirst("overrides=(".count).prefix { $0 != ")" }.split(separator: " ")
    let together = "docker-compose.{pgbouncer,postgres-tls,pgbouncer-tls}.yml"
    #expect(Set(names) == Set(checked.map { "docker-compose.\($0).yml" } + ["docker-compose.pgbouncer-tls.yml"]))
    #expect(text.contains(together))
  }

  @Test func `Postgres with TLS lets nobody of another container in without it`() throws {
    let rules = try String(
      contentsOf: Script.root.appendingPathComponent("deploy/postgres/pg_hba_tls.conf"), encoding: .utf8)
    let plain = rules.split(separator: "\n").filter { $0.hasPrefix("host ") || $0.hasPrefix("hostnossl") }
    #expect(plain.allSatisfy { $0.contains(" 127.0.0.1/32 ") || $0.contains(" ::1/128 ") }, "\(plain)")
    #expect(rules.contains("\nhostssl "))
  }

  @Test(arguments: ["docker-compose.yml", "docker-compose.prod.yml"])
  func `Postgres is healthy when it can be reached, not while its first server makes the database`(name: String) throws
  {
    let text = try String(contentsOf: Script.root.appendingPathComponent("deploy/\(name)"), encoding: .utf8)
    // That one listens at its socket only, and ends soon.
    #expect(text.contains(#""pg_isready", "-q", "-h", "127.0.0.1""#))
  }

  @Test func `the commands that start the development stack build the version that it takes`() throws {
    let text = try String(
      contentsOf: Script.root.appendingPathComponent("deploy/docker-compose.yml"), encoding: .utf8)
    #expect(
      text.contains("deploy/images/build.sh --version dev &&") && text.contains("cadre/gateway:${CADRE_VERSION:-dev}"))
  }

  @Test func `the list of what is inside of agent-core names the engine and what it is built with`() throws {
    let text = try String(
      contentsOf: Script.root.appendingPathComponent("deploy/images/Dockerfile"), encoding: .utf8)
    // The very commands of the image build, on the files that it copies.
    let commands = text.split(separator: "\n").compactMap { line -> String? in
      guard line.contains("sed -nE"), let end = line.range(of: " >> ") else { return nil }
      return String(line[..<end.lowerBound]).replacing("  && ", with: "").replacing(
        "/sandbox/", with: "deploy/sandbox/")
    }
    let listed = try Script.run("sh", "-c", commands.joined(separator: "; ")).text.split(separator: "\n")
    for name in ["wasmtime", "componentize-py", "quickjs", "wasi-libc"] {
      #expect(
        listed.contains { $0.hasPrefix("\(name) ") && $0.split(separator: " ").count == 2 }, "\(name) in \(listed)")
    }
  }

  @Test(arguments: ["deploy/images/Dockerfile", "deploy/images/build.sh"])
  func `programs in images have no debug information, wherever they were compiled`(path: String) throws {
    let text = try String(contentsOf: Script.root.appendingPathComponent(path), encoding: .utf8)
    #expect(text.contains("strip --strip-debug"))
  }

  @Test func `all that is in an image comes from one stage, which gives it the time of the sources`() throws {
    func text(_ path: String) throws -> String {
      try String(contentsOf: Script.root.appendingPathComponent(path), encoding: .utf8)
    }
    let stages = try text("deploy/images/Dockerfile").components(separatedBy: "\nFROM ").dropFirst()
    let roots = try #require(stages.first { $0.hasPrefix("${BINARIES} AS roots") })
    let last = try #require(roots.split(separator: "\n").last { !$0.hasPrefix("#") })
    #expect(last.hasSuffix("find /roots -exec touch --no-dereference --date \"@$SOURCE_DATE_EPOCH\" {} +"), "\(last)")
    let images = stages.filter { $0.hasPrefix("scratch AS ") }
    #expect(images.count >= 6)
    for line in images.flatMap({ $0.split(separator: "\n") }) where line.hasPrefix("COPY") || line.hasPrefix("RUN") {
      #expect(line.hasPrefix("COPY --from=roots "), "\(line)")
    }
    #expect(try text("deploy/images/build.sh").contains("--build-arg SOURCE_DATE_EPOCH=\"$epoch\""))
  }

  @Test func `the JavaScript guest names no folder of the machine that has built it`() throws {
    let module = ".build/sandbox/aot/javascript.cwasm"
    guard FileManager.default.fileExists(atPath: Script.root.appendingPathComponent(module).path) else { return }
    let found = try Script.run("grep", "-c", "-a", "-F", Script.root.path + "/", module)
    #expect(found.text == "0\n", "deploy/sandbox/build makes it anew")
  }

  @Test func `the Python guest is the same when it is made again, in another folder of another file system`() throws {
    let tools = Script.root.path + "/.build/sandbox/work"
    guard FileManager.default.fileExists(atPath: tools + "/constant.so") else { return }
    let folder = "/dev/shm/cadre-guest-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let made = try Script.run(
      "deploy/sandbox/python-guest", tools + "/python/bin/python", tools + "/constant.so", folder,
      folder + "/python.wasm")
    #expect(made.status == 0 && made.text.isEmpty, "\(made.text)")
    let compared = try Script.run("cmp", tools + "/python.wasm", folder + "/python.wasm")
    #expect(compared.status == 0, "\(compared.text); deploy/sandbox/build makes it anew")
  }

  @Test func `every service that has policies asks the OPA server`() throws {
    let text = try String(
      contentsOf: Script.root.appendingPathComponent("deploy/docker-compose.opa.yml"), encoding: .utf8)
    for part in ["gateway: &asks", "orchestrator: *asks", "llm-router: *asks", "agent-core: *asks"] {
      #expect(text.contains("\n  \(part)\n"), "\(part)")
    }
  }

  @Test(arguments: ["gateway", "orchestrator", "llm-router", "agent-core"])
  func `Kubernetes has the settings and secrets of the compose stack`(service: String) throws {
    let names = "CADRE_[A-Z_]+|OTEL_[A-Z_]+"
    let stack = try String(
      contentsOf: Script.root.appendingPathComponent("deploy/docker-compose.prod.yml"), encoding: .utf8)
    let blocks = stack.components(separatedBy: "\n\n")
    let common = try #require(blocks.first { $0.hasPrefix("x-service-environment:") })
    let own = try #require(blocks.first { $0.contains("\n    image: cadre/\(service):") })
    let manifest = try String(
      contentsOf: Script.root.appendingPathComponent("deploy/kubernetes/base/\(service).yaml"), encoding: .utf8)
    func found(_ pattern: String, in text: String) throws -> Set<String> {
      Set(text.matches(of: try Regex(pattern)).map { String($0.output[1].substring ?? "") })
    }
    let wanted = try found("\n[ ]+(\(names)):", in: "\(common)\n\(own)")
    let given = try found("- \\{ name: (\(names)),", in: manifest)
    // What a person chooses for one stack.
    #expect(
      wanted.subtracting(given).subtracting(["CADRE_LOG_LEVEL", "CADRE_TRACE_URL"]).isEmpty, "\(wanted) \(given)")
    for secret in try found("/run/secrets/([a-z_]+)", in: own) {
      #expect(manifest.contains("{ key: \(secret), path: \(secret) }"), "\(secret)")
    }
  }

  @Test func `Kubernetes takes the configuration of the compose stack, not a copy`() throws {
    func text(_ path: String) throws -> String {
      try String(contentsOf: Script.root.appendingPathComponent("deploy/\(path)"), encoding: .utf8)
    }
    let base = try text("kubernetes/base/kustomization.yaml")
    #expect(base.contains("resources: [../../config,") && !base.contains("configMapGenerator"))
    #expect(try text("config/kustomization.yaml").contains("files: [llm-router.yaml]"))
    #expect(try text("docker-compose.prod.yml").contains("./config/llm-router.yaml:/etc/cadre/llm-router.yaml:ro"))
    #expect(try text("kubernetes/base/llm-router.yaml").contains("configMap: { name: llm-router"))
  }
}
