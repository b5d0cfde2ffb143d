import { configure, type LogRecord, reset } from "@logtape/logtape";
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { ProcessGroupContainment } from "../agent/containment/containment.ts";
import { Grants } from "../agent/grants/grants.ts";
import { regenerateMachineId } from "../agent/machine_id.ts";
import { DEFAULT_LIMITS } from "../agent/limits.ts";
import { AuditTrail } from "../agent/logging/audit.ts";
import { RefusalLog } from "../agent/logging/refusal_log.ts";
import { serveSession } from "../agent/session.ts";
import { exists } from "./_agent.ts";
import { bounded } from "./_bounded.ts";
import type { WireFrame } from "./_wire.ts";

// No agent of these tests is ever asked to reseed the machine they run on: here
// the files are in a folder of their own, and no entropy is credited.

/** A folder like a guest's root, with what reseeding changes. */
class Root implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "root-" });
  readonly machineId = `${this.path}/etc/machine-id`;
  readonly dbusMachineId = `${this.path}/var/lib/dbus/machine-id`;
  readonly seed = `${this.path}/var/lib/systemd/random-seed`;

  constructor() {
    for (const folder of ["etc", "var/lib/dbus", "var/lib/systemd"]) {
      Deno.mkdirSync(`${this.path}/${folder}`, { recursive: true });
    }
    Deno.writeTextFileSync(this.machineId, `${"0".repeat(32)}\n`);
    Deno.writeTextFileSync(this.dbusMachineId, `${"0".repeat(32)}\n`);
    Deno.writeTextFileSync(this.seed, "seed");
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** Serves one session over streams in memory, whose first frame is given. */
async function serve(line: string, root: string): Promise<WireFrame[]> {
  const lost = new AbortController();
  let received = "";
  await serveSession(
    {
      readable: new Blob([line]).stream(),
      writable: new WritableStream({
        write(chunk) {
          received += new TextDecoder().decode(chunk);
        },
      }),
      watchLoss: () => lost.signal,
      close() {},
    },
    { transport: "unix", pid: Deno.pid, uid: 0, gid: 0 },
    {
      grants: new Grants(),
      redact: [],
      environment: {},
      limits: DEFAULT_LIMITS,
      audit: new AuditTrail([]),
      refusals: new RefusalLog("{unlogged} more"),
      containment: new ProcessGroupContainment("a test"),
      resourceLimits: {},
      root,
      stopping: new AbortController().signal,
      killing: new AbortController().signal,
    },
  );
  return received.trimEnd().split("\n").map((frame) => JSON.parse(frame));
}

/**
 * Checks the answer to a reseed. Only the kernel may have refused, where these
 * tests don't run as root or run in a container.
 */
function assertReseeded(frames: WireFrame[]): void {
  assertEquals(frames.length, 1);
  const [frame] = frames;
  if (frame?.type === "exit") assertEquals(frame, { type: "exit" });
  else {
    assertEquals(frame?.type, "error");
    assertMatch(
      frame?.message as string,
      /^Cannot reseed: reseed the generator: [^;]*(EPERM|EACCES)[^;]*$/,
    );
  }
}

Deno.test(
  "regenerateMachineId() writes a fresh id, and removes the copy of D-Bus",
  bounded(async () => {
    using root = new Root();
    await regenerateMachineId(root.path);
    const first = await Deno.readTextFile(root.machineId);
    assertMatch(first, /^[0-9a-f]{32}\n$/);
    assertEquals(exists(root.dbusMachineId), false);
    assertEquals(exists(`${root.machineId}.new`), false);
    await regenerateMachineId(root.path);
    assert(await Deno.readTextFile(root.machineId) !== first);
  }),
);

Deno.test(
  "regenerateMachineId() replaces the file at once, and leaves a link alone",
  bounded(async () => {
    using root = new Root();
    const old = `${root.path}/old`;
    await Deno.link(root.machineId, old);
    await Deno.remove(root.dbusMachineId);
    await Deno.symlink("../../../etc/machine-id", root.dbusMachineId);
    await Deno.writeTextFile(`${root.machineId}.new`, "left by a crash");
    await regenerateMachineId(root.path);
    // The old file was not written to: a reader sees the one or the other.
    assertEquals(await Deno.readTextFile(old), `${"0".repeat(32)}\n`);
    const id = await Deno.readTextFile(root.machineId);
    assertMatch(id, /^[0-9a-f]{32}\n$/);
    assertEquals(await Deno.readTextFile(root.dbusMachineId), id);
    assert((await Deno.lstat(root.dbusMachineId)).isSymlink);
  }),
);

Deno.test(
  "regenerateMachineId() rejects when the file cannot be written",
  bounded(async () => {
    using root = new Root();
    await Deno.remove(`${root.path}/etc`, { recursive: true });
    await assertRejects(
      () => regenerateMachineId(root.path),
      Deno.errors.NotFound,
    );
  }),
);

Deno.test(
  "serveSession() drops the saved seed alone when reseed asks for no more",
  bounded(async () => {
    using root = new Root();
    assertReseeded(await serve('{"type":"reseed"}\n', root.path));
    assertEquals(exists(root.seed), false);
    assert(exists(root.dbusMachineId));
    assertEquals(
      await Deno.readTextFile(root.machineId),
      `${"0".repeat(32)}\n`,
    );
    // A seed that isn't there is no error.
    assertReseeded(await serve('{"type":"reseed"}\n', root.path));
  }),
);

Deno.test(
  "serveSession() renews the machine id when reseed asks for it",
  bounded(async () => {
    using root = new Root();
    const line = '{"type":"reseed","regen_machine_id":true}\n';
    assertReseeded(await serve(line, root.path));
    assertEquals(exists(root.seed), false);
    assertEquals(exists(root.dbusMachineId), false);
    assertMatch(
      (await Deno.readTextFile(root.machineId)).replace(/^0+/, ""),
      /^[0-9a-f]+\n$/,
    );
  }),
);

Deno.test(
  "serveSession() does the other steps and names the one that failed when reseeding",
  bounded(async () => {
    using root = new Root();
    // A folder that holds something cannot be removed as a file.
    await Deno.remove(root.seed);
    await Deno.mkdir(`${root.seed}/full`, { recursive: true });
    const line = '{"type":"reseed","regen_machine_id":true}\n';
    const [frame, ...others] = await serve(line, root.path);
    assertEquals(others, []);
    assertEquals(frame?.type, "error");
    assertEquals(frame?.code, "internal");
    assertMatch(frame?.message as string, /remove the saved seed: /);
    assertEquals(exists(root.dbusMachineId), false);
  }),
);

Deno.test(
  "serveSession() records a reseed before its steps, and after them",
  bounded(async () => {
    using root = new Root();
    const records: [unknown, unknown, boolean][] = [];
    await configure({
      sinks: {
        test({ properties: { event, kind } }: LogRecord) {
          records.push([event, kind, exists(root.seed)]);
        },
      },
      loggers: [
        { category: ["cocoon-agent", "audit"], sinks: ["test"] },
        { category: ["logtape", "meta"], lowestLevel: "error" },
      ],
    });
    try {
      await serve('{"type":"reseed"}\n', root.path);
    } finally {
      await reset();
    }
    assertEquals(records, [
      ["start", "reseed", true],
      ["end", "reseed", false],
    ]);
  }),
);
