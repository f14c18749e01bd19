#!/usr/bin/env node
// The compiler as forge wants it, a program: forge would otherwise download one.
import { readFileSync } from "node:fs";
import solc from "solc";

if (process.argv.includes("--version")) {
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version().replace("Emscripten.clang", "Linux.g++")}`);
} else {
  console.log(solc.compile(readFileSync(0, "utf-8")));
}
