/**
 * What a caller tries who may run next to nothing.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { sleep } from "../tests/_bounded.ts";
import { deadFolder } from "../tests/_dead_mount.ts";
import { Wire, type WireFrame } from "../tests/_wire.ts";
import type { Random } from "./random.ts";
import type { Ground, Kind } from "./soak_kinds.ts";

/** The rules of an agent that lets callers run `true`, and nothing else. */
export const RULES = {
  version: 1,
  rules: [{ effect: "allow", programs: ["true"] }],
};

/** How an attack may be answered: none of these ran anything. */
const CODES: readonly unknown[] = [
  ...["denied", "protocol", "not_executable", "busy", "timeout"],
];

/** How many frames or connections a flood consists of. */
const FLOOD = 2000;
/** How long connections are held that say nothing, in milliseconds. */
const SILENCE = 500;

/** All kinds. */
export const DENIED_KINDS: readonly Kind[] = [
  { name: "long words", weight: 4, run: sendLongWords },
  { name: "many variables", weight: 4, run: sendManyVariables },
  { name: "variables of the C library", weight: 2, run: sendLoaderVariables },
  { name: "other programs", weight: 8, run: askForPrograms },
  { name: "what is there", weight: 4, run: lookAround },
  { name: "dead file system", weight: 4, run: nameDeadFolder },
  { name: "frames behind a refusal", weight: 4, run: floodAfterRefusal },
  { name: "frames before any", weight: 4, run: floodFirst },
  { name: "info", weight: 2, run: floodInfo },
  { name: "connections", weight: 2, run: floodConnections },
  { name: "silence", weight: 1, run: holdConnections },
  { name: "reseed", weight: 1, run: askToReseed },
];

/** Sends one request, which must be refused. */
async function refuse(path: string, request: WireFrame): Promise<string> {
  using wire = await Wire.connect(path);
  await wire.trySend([request]);
  const { end } = await wire.readSession();
  assertEquals(end.type, "error", JSON.stringify(request).slice(0, 200));
  assert(CODES.includes(end["code"]), `It was answered ${end["code"]}`);
  return JSON.stringify(end);
}

function exec(fields: Readonly<Record<string, unknown>>): WireFrame {
  return { type: "exec", ...fields };
}

async function sendLongWords({ path }: Ground, random: Random): Promise<void> {
  const long = random.pick(["x", "/", "x/", ":", "é", "1"]).repeat(
    random.size(1_500_000),
  );
  await refuse(
    path,
    exec(random.pick([
      { argv: [`x${long}`], env: { PATH: ":".repeat(20_000) } },
      { argv: ["x"], env: { PATH: long } },
      { argv: ["true", "x"], user: `x${long}` },
      { argv: ["true", "x"], user: `root:x${long}` },
      { argv: ["true", "x"], cwd: `/${long}` },
      { argv: ["true", long] },
      { argv: ["true", "x"], tty: { rows: 1, cols: 1, term: long } },
    ])),
  );
}

async function sendManyVariables(
  { path }: Ground,
  random: Random,
): Promise<void> {
  const count = random.integer(1, 26_000);
  const env = Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`V${index}`, "x"]),
  );
  const argv = Array.from({ length: count }, String);
  await refuse(path, exec(random.pick([{ argv: ["x"], env }, { argv }])));
}

async function sendLoaderVariables(
  { path }: Ground,
  random: Random,
): Promise<void> {
  const env = random.pick([
    { LD_PRELOAD: "/tmp/x.so" },
    { LANGUAGE: "../../../../tmp/x" },
    { LC_ALL: "/tmp/%n" },
    { NLSPATH: "/tmp/%N" },
  ]);
  await refuse(path, exec({ argv: ["true"], env }));
}

async function askForPrograms(
  { path }: Ground,
  random: Random,
): Promise<void> {
  const argv = random.pick([
    ["sh", "-c", "id"],
    ["true", "x"],
    ["/bin/../bin/sh"],
    ["no-such-program"],
    ["x".repeat(24_000)],
  ]);
  await refuse(path, exec({ argv }));
}

/** What is there must be answered as what isn't. */
async function lookAround({ path }: Ground, random: Random): Promise<void> {
  const [there, missing, request] = random.pick<
    [string, string, (name: string) => WireFrame]
  >([
    ["/etc/passwd", "/etc/nothing", (name) => exec({ argv: [name] })],
    ["/usr/bin/env", "/usr/bin/nothing", (name) => exec({ argv: [name] })],
    ["/etc", "/nothing", (cwd) => exec({ argv: ["true"], cwd })],
    ["root", "nobody-of-that-name", (user) => exec({ argv: ["true"], user })],
  ]);
  const answer = async (name: string) =>
    (await refuse(path, request(name))).replaceAll(name, "NAME");
  assertEquals(await answer(there), await answer(missing));
}

async function nameDeadFolder(
  { path, folder }: Ground,
  random: Random,
): Promise<void> {
  const dead = deadFolder({ folder });
  await refuse(
    path,
    exec(random.pick([
      { argv: ["true"], cwd: dead },
      { argv: [`${dead}/true`] },
      { argv: ["true"], env: { PATH: `${dead}:/bin` } },
    ])),
  );
}

/** Lines that are cheap to send. */
const LINES = [
  '{"type":"stdin","size":0}\n',
  '{"type":"stdin","data":""}\n',
  '{"type":"x"}\n',
  '{"type":"resize"}\n',
  '{"type":"window"}\n',
  '{"type":"info"}\n',
  "\n",
  " ",
];

async function floodAfterRefusal(
  { path }: Ground,
  random: Random,
): Promise<void> {
  using wire = await Wire.connect(path);
  const line = random.pick(LINES);
  const first = '{"type":"exec","argv":["sh"],"features":["raw","flow"]}\n';
  const sent = wire.send(first + line.repeat(FLOOD)).catch(() => {});
  await wire.readSession().catch(() => {});
  wire.close();
  await sent;
}

async function floodFirst({ path }: Ground, random: Random): Promise<void> {
  using wire = await Wire.connect(path);
  const flood = random.pick([
    ...LINES.map((line) => line.repeat(FLOOD)),
    "[".repeat(1_000_000),
    `{"type":"exec","argv":[${"[],".repeat(200_000)}`,
  ]);
  const sent = wire.send(flood).catch(() => {});
  await sleep(random.integer(0, 20));
  wire.close();
  await sent;
}

async function floodInfo({ path }: Ground): Promise<void> {
  for (let i = 0; i < 50; i++) {
    using wire = await Wire.connect(path);
    await wire.trySend([{ type: "info" }]);
    await wire.readSession().catch(() => {});
  }
}

async function floodConnections({ path }: Ground): Promise<void> {
  for (let i = 0; i < 100; i++) {
    using _ = await Wire.connect(path);
  }
}

async function holdConnections({ path }: Ground): Promise<void> {
  const wires = await Promise.all(
    Array.from({ length: 20 }, () => Wire.connect(path)),
  );
  await sleep(SILENCE);
  for (const wire of wires) wire.close();
}

async function askToReseed({ path }: Ground): Promise<void> {
  await refuse(path, { type: "reseed", data: "", regen_machine_id: true });
}
