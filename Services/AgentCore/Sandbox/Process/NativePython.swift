/// The program around a program for the system's python3: it speaks the protocol of workers for one job.
///
/// The guest lives in the same process and could write to its channel, the standard output, itself. So what such a
/// worker reports is no more than the guest's word: output and result are its own anyway; times are measured from
/// outside.
enum NativePython {
  /// The interpreter.
  static let interpreter = "/usr/bin/python3"
  /// No site packages of users, no environment, no compiled files.
  static let arguments = ["-I", "-S", "-B", "-c", program]

  private static let program = #"""
    import ast, io, json, os, struct, sys, types

    def send(kind, header, parts=()):
        head = json.dumps(header).encode()
        body = bytes([kind, len(parts)]) + struct.pack(">I", len(head))
        body += b"".join(struct.pack(">I", len(part)) for part in parts) + head + b"".join(parts)
        data = struct.pack(">I", len(body)) + body
        while data:
            data = data[os.write(1, data):]

    def exactly(count):
        data = b""
        while len(data) < count:
            piece = os.read(1, min(count - len(data), 1 << 20))
            if not piece:
                os._exit(0)
            data += piece
        return data

    class Output(io.RawIOBase):
        def __init__(self, limit, kept):
            self.limit, self.half, self.total, self.head, self.tail = limit, kept // 2, 0, b"", b""
        def writable(self):
            return True
        def write(self, data):
            data = bytes(data)[:max(0, self.limit - self.total)]
            if not data:
                raise OSError(27, "too much output")
            self.total += len(data)
            count = max(0, self.half - len(self.head))
            self.head += data[:count]
            self.tail = (self.tail + data[count:])[-self.half:]
            return len(data)

    send(3, {"engine": "python " + sys.version.split()[0], "runtimes": ["python"]})
    body = exactly(struct.unpack(">I", exactly(4))[0])
    sizes = struct.unpack(f">{body[1] + 1}I", body[2:6 + 4 * body[1]])
    place, pieces = 6 + 4 * body[1], []
    for size in sizes:
        pieces.append(body[place:place + size])
        place += size
    request, (source, arguments, given) = json.loads(pieces[0]), pieces[1:]
    limits = request["limits"]
    outputs = [Output(limits["output_bytes"], limits["kept_output_bytes"]) for _ in range(2)]
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(io.BufferedWriter(output), "utf-8", "replace", write_through=True) for output in outputs)
    sys.stdin = io.TextIOWrapper(io.BytesIO(given), "utf-8", "replace")
    sys.argv = ["program.py"]
    cadre = types.ModuleType("cadre")
    cadre.arguments, found = json.loads(arguments), []
    def encoded(value):
        try:
            text = json.dumps(value, ensure_ascii=False, allow_nan=False)
            text.encode()
        except UnicodeEncodeError:
            raise ValueError("a text has half of a surrogate pair") from None
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        return text

    def shown(value):
        try:
            text = repr(value)
        except Exception as error:
            text = f"<{type(value).__name__} that cannot be shown: {type(error).__name__}>"
        return text[:4096].encode("utf-8", "replace").decode()

    def set_result(value):
        try:
            found.append(encoded(value))
        except (TypeError, ValueError) as error:
            raise type(error)(f"the result cannot be written as JSON: {error}") from None

    cadre.result = set_result
    sys.modules["cadre"] = cadre
    outcome, status = "ok", 0
    try:
        space = {"__name__": "__main__"}
        tree = ast.parse(source, "program.py")
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, "program.py", "exec"), space)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), "program.py", "eval"), space)
            if value is not None and not found:
                try:
                    found.append(encoded(value))
                except (TypeError, ValueError) as error:
                    found.append(json.dumps({"unrepresentable": {
                        "type": type(value).__name__, "reason": str(error)[:500], "text": shown(value)}}))
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
        outcome = "exit_nonzero" if status else "ok"
    except MemoryError:
        outcome, status = "memory", 1
    except BaseException:
        import traceback
        outcome, status = "exit_nonzero", 1
        try:
            traceback.print_exc(limit=-20)
        except BaseException:
            pass
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:
            pass
    if any(output.total >= output.limit for output in outputs):
        outcome = "output_truncated"
    result = found[-1].encode() if found else b""
    if len(result) > limits["result_bytes"]:
        result, outcome = b"", "output_truncated"
    metering = dict.fromkeys(
        ["fuel", "cpu_us", "wall_us", "peak_memory_bytes", "bytes_in", "bytes_out", "scratch_bytes", "scratch_files"], 0)
    metering["bytes_in"] = len(source) + len(arguments) + len(given)
    metering["bytes_out"] = sum(output.total for output in outputs) + len(result)
    try:
        import resource
        metering["peak_memory_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    except Exception:
        pass
    kept = [output.head + output.tail for output in outputs]
    send(5, {
        "id": request["id"], "outcome": outcome, "exit_code": max(-2**31, min(status, 2**31)),
        "stdout_head": len(outputs[0].head), "stdout_total": outputs[0].total,
        "stderr_head": len(outputs[1].head), "stderr_total": outputs[1].total,
        "keeps_session": False, "metering": metering}, kept + [result])
    os._exit(0)
    """#
}
