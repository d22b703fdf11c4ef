// Starts the program under test and knows how to wait for it. No sleeping: each wait is for
// something to become true, with a limit.
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

export const binary = process.env.SOTTO_BIN ?? "sotto";
const run = promisify(execFile);

export const freePort = () =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

// Asks until the answer is true (not null, false or undefined), and returns it.
export const until = async (what, ask, seconds = 60) => {
  const limit = Date.now() + seconds * 1000;
  let last;
  while (Date.now() < limit) {
    try {
      const answer = await ask();
      if (answer) return answer;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`waited ${seconds} s for ${what}${last ? `: ${last.message}` : ""}`);
};

export const folder = (name) => mkdtempSync(join(process.env.SOTTO_WORK ?? tmpdir(), `${name}-`));

// Runs one command of the program to its end.
export const sotto = async (args, options = {}) => {
  const { stdout } = await run(binary, args, { maxBuffer: 64 << 20, ...options });
  return stdout;
};

// Starts a command of the program that stays, and stops it with SIGTERM.
export const start = (args, { cwd } = {}) => {
  const child = spawn(binary, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  const keep = (chunk) => {
    said = (said + chunk).slice(-20_000);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const ended = new Promise((resolve) => child.on("exit", (code, signal) => resolve({ code, signal })));
  return {
    child,
    said: () => said,
    ended,
    stop: async () => {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
      const how = await ended;
      clearTimeout(timer);
      return how;
    },
  };
};

export const writeText = (path, text) => writeFileSync(path, text);
export const remove = (path) => rmSync(path, { recursive: true, force: true });
