/**
 * A compiled program that does nothing: what any program of this kind takes.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { existsSync } from "node:fs";
import { V8_FLAGS } from "../packaging/compile.ts";
import { lacks } from "../tests/_tools.ts";
import { type Run, skip } from "./run.ts";

/** Does nothing; with an argument, for ever. */
const SOURCE = "if (Deno.args.length > 0) setInterval(() => {}, 1 << 30);\n";

const DENORT = new URL("../dist/denort", import.meta.url).pathname;

/**
 * Compiles it with the runtime and the V8 flags that the agent's binary has.
 *
 * @param run The run.
 * @returns Its path, or `undefined` if it cannot be compiled, which the run then
 * says.
 */
export async function emptyProgram(run: Run): Promise<string | undefined> {
  if (!programs.has(run)) programs.set(run, compile(run));
  return await programs.get(run);
}

const programs = new WeakMap<Run, Promise<string | undefined>>();

async function compile(run: Run): Promise<string | undefined> {
  const { executable } = run.subjects;
  const version = findVersion(await Deno.readFile(executable!));
  const what = "the bound of compiled programs";
  if (version === undefined) {
    skip(run, what, `"${executable}" doesn't tell its Deno version`);
    return undefined;
  }
  // A runtime of another version makes a program that cannot start.
  const own = version === Deno.version.deno;
  if (!own && lacks("npx")) {
    skip(run, what, `it takes Deno ${version}, as the agent's binary does`);
    return undefined;
  }
  run.progress(`Compiling an empty program with Deno ${version}`);
  const folder = `${run.folder}/empty`;
  await Deno.mkdir(folder);
  const script = `${folder}/empty.js`;
  await Deno.writeTextFile(script, SOURCE);
  const deno = own ? [Deno.execPath()] : ["npx", "-y", `deno@${version}`];
  const program = `${folder}/empty`;
  try {
    await run.jobs.run([
      ...(existsSync(DENORT) && Deno.env.get("DENORT_BIN") === undefined
        ? ["env", `DENORT_BIN=${DENORT}`]
        : []),
      ...[...deno, "compile", "--quiet", "--no-check", "--no-code-cache"],
      ...["--no-config", "--no-lock", "--no-npm", "--no-remote"],
      ...["--no-prompt", `--v8-flags=${V8_FLAGS}`],
      ...[`--output=${program}`, script],
    ]);
    await run.jobs.run([program]);
    return program;
  } catch (error) {
    skip(
      run,
      what,
      `an empty program cannot be compiled with Deno ${version}: ${
        error instanceof Error ? error.message : error
      }`,
    );
    return undefined;
  }
}

/**
 * Finds the version of the runtime in a compiled program, as it would tell it to
 * a web server.
 *
 * @param program The program's bytes.
 */
export function findVersion(program: Uint8Array): string | undefined {
  const bytes = Buffer.from(
    program.buffer,
    program.byteOffset,
    program.byteLength,
  );
  const name = "Deno/";
  for (let at = 0; (at = bytes.indexOf(name, at)) >= 0; at += name.length) {
    const text = bytes.toString("latin1", at + name.length, at + 32);
    const [version] = text.match(/^\d+\.\d+\.\d+/) ?? [];
    if (version !== undefined) return version;
  }
  return undefined;
}
