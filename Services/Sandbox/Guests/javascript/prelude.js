((write, files) => {
  "use strict";
  const show = (value, depth = 0, seen = new Set()) => {
    if (typeof value === "string") return depth ? JSON.stringify(value) : value;
    if (typeof value === "function") return `[Function ${value.name || "anonymous"}]`;
    if (typeof value === "bigint") return `${value}n`;
    if (typeof value !== "object" || value === null) return String(value);
    if (value instanceof Error) return value.stack ? `${value}\n${value.stack}` : String(value);
    if (seen.has(value)) return "[Circular]";
    if (depth > 3) return Array.isArray(value) ? "[Array]" : "[Object]";
    seen.add(value);
    try {
      const inner = (each) => show(each, depth + 1, seen);
      if (Array.isArray(value) || ArrayBuffer.isView(value)) {
        const items = Array.from(value).slice(0, 100).map(inner);
        if (value.length > 100) items.push(`... ${value.length - 100} more`);
        return `[ ${items.join(", ")} ]`;
      }
      if (value instanceof Map) return `Map { ${[...value].map(([k, v]) => `${inner(k)} => ${inner(v)}`).join(", ")} }`;
      if (value instanceof Set) return `Set { ${[...value].map(inner).join(", ")} }`;
      if (value instanceof Date) return value.toISOString();
      return `{ ${Object.keys(value).slice(0, 100).map((key) => `${key}: ${inner(value[key])}`).join(", ")} }`;
    } finally {
      seen.delete(value);
    }
  };
  const log = (target) => (...values) => write(target, values.map((each) => show(each)).join(" ") + "\n");
  // Kept, so that a program that replaces them does not change what a result is.
  const { stringify } = JSON;
  const half = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
  const check = (key, value) => {
    if (typeof value === "number" && !Number.isFinite(value)) throw new TypeError(`a number is ${value}`);
    if (typeof value === "bigint") throw new TypeError("a number is a BigInt");
    if (half.test(key) || (typeof value === "string" && half.test(value)))
      throw new TypeError("a text has half of a surrogate pair");
    return value;
  };
  // A value as JSON text; a TypeError with the reason when JSON cannot say it.
  const encode = (value) => {
    const text = stringify(value, check);
    if (text === undefined) throw new TypeError(`a ${typeof value} is no JSON value`);
    return text;
  };
  // Takes the value that a program has ended with: what JSON cannot say is named, and shown as text.
  const keep = (value) => {
    if (value === undefined || typeof value === "function") return;
    let text;
    try {
      text = encode(value);
    } catch (error) {
      const kind = value === null ? "null" : (typeof value === "object" && value.constructor?.name) || typeof value;
      let shown;
      try {
        shown = show(value);
      } catch {
        shown = `[${kind} that cannot be shown]`;
      }
      const clean = (each) => `${each}`.slice(0, 4096).replace(new RegExp(half, "g"), "\ufffd");
      const reason = error instanceof Error ? error.message : error;
      text = stringify({ unrepresentable: { type: clean(kind), reason: clean(reason), text: clean(shown) } });
    }
    files.result(text);
  };
  const console = { log: log(1), info: log(1), debug: log(1), warn: log(2), error: log(2) };
  const cadre = {
    arguments: null,
    result(value) {
      let text;
      try {
        text = encode(value);
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
        throw new TypeError(`the result cannot be written as JSON: ${error.message}`);
      }
      files.result(text);
    },
    input: files.input,
    readFile: files.readText,
    readBytes: files.readBytes,
    writeFile: files.write,
    listFiles: files.list,
    removeFile: files.remove,
    table(rows, name = "table.csv") {
      const cell = (value) => {
        const text = value === null || value === undefined ? "" : String(value);
        return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
      };
      const list = Array.from(rows);
      const isKeyed = list.length > 0 && !Array.isArray(list[0]);
      const columns = isKeyed ? [...new Set(list.flatMap((row) => Object.keys(row)))] : [];
      const lines = isKeyed ? [columns, ...list.map((row) => columns.map((key) => row[key]))] : list;
      const path = name.endsWith(".csv") ? name : `${name}.csv`;
      files.write(path, lines.map((line) => line.map(cell).join(",") + "\r\n").join(""));
      return path;
    },
  };
  Object.assign(globalThis, { console, cadre, print: console.log });
  return keep;
})
