// Compiles contracts with solc-js and writes what Python carries, one JSON file a contract. The same
// sources give the same bytes; tests/contracts/test_artifacts.py holds that they belong together.
// `node compile.mjs FROM INTO`: another folder of sources, into another folder of artifacts.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import solc from "solc";

const here = dirname(fileURLToPath(import.meta.url));
const [from = "src", into = "../src/agon/commons/chain/artifacts"] = process.argv.slice(2);
const VERSION = 1; // of the ABIs: logs of older ones stay readable beside newer ones

const read = (path) => readFileSync(join(here, path), "utf-8");
const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const sorted = (value) =>
  Array.isArray(value)
    ? value.map(sorted)
    : value && typeof value === "object"
      ? Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]))
      : value;
const compiler = JSON.parse(read("settings.json"));
const releases = JSON.parse(read("package.json")).devDependencies;

function compile() {
  const files = readdirSync(join(here, from)).filter((name) => name.endsWith(".sol"));
  const sources = Object.fromEntries(
    files.map((name) => [`${from}/${name}`, { content: read(`${from}/${name}`) }]),
  );
  const outputSelection = { "*": { "*": ["abi", "evm.bytecode.object", "metadata"] } };
  const settings = { ...compiler, outputSelection };
  const found = (path) => ({ contents: read(path.startsWith("@") ? `node_modules/${path}` : path) });
  const input = JSON.stringify({ language: "Solidity", sources, settings });
  const output = JSON.parse(solc.compile(input, { import: found }));
  for (const error of output.errors ?? []) console.error(error.formattedMessage);
  if (output.errors?.length) process.exit(1); // a warning is a mistake, too
  return output.contracts;
}

// Of our own sources, the compiler's settings, and the releases of compiler and libraries.
function hashOf(sources) {
  const files = Object.fromEntries(sources.map((path) => [path, sha256(read(path))]));
  const { "@openzeppelin/contracts": openzeppelin, solc } = releases;
  return sha256(JSON.stringify(sorted({ compiler, files, releases: { openzeppelin, solc } })));
}

function write(name, contract) {
  const paths = Object.keys(JSON.parse(contract.metadata).sources);
  const sources = paths.filter((path) => !path.startsWith("@")).sort();
  const artifact = {
    abi: sorted(contract.abi),
    bytecode: "0x" + contract.evm.bytecode.object,
    name,
    sources,
    sources_sha256: hashOf(sources),
    version: VERSION,
  };
  const lines = Object.entries(artifact).map(([key, value]) => `  "${key}": ${JSON.stringify(value)}`);
  writeFileSync(resolve(here, into, `${name}.json`), `{\n${lines.join(",\n")}\n}\n`);
  console.log(`${name}: ${contract.evm.bytecode.object.length / 2} bytes to deploy`);
}

mkdirSync(resolve(here, into), { recursive: true });
for (const [path, contracts] of Object.entries(compile()).sort()) {
  if (dirname(path) !== from) continue;
  for (const [name, contract] of Object.entries(contracts))
    if (contract.evm.bytecode.object) write(name, contract);
}
