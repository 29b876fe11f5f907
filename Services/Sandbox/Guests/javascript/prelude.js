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
  const console = { log: log(1), info: log(1), debug: log(1), warn: log(2), error: log(2) };
  const cadre = {
    arguments: null,
    result(value) {
      const text = JSON.stringify(value);
      if (text === undefined) throw new TypeError("the result cannot be written as JSON");
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
})
