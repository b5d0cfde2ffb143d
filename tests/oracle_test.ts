import { assertEquals } from "@std/assert";
import { startAgent } from "./_agent.ts";
import { bounded } from "./_bounded.ts";

/** What is there, and what isn't, for requests that differ in nothing else. */
interface Guest {
  readonly there: string;
  readonly missing: string;
}

type Request = Readonly<Record<string, unknown>>;

/** Requests of denied callers, each for something that is there or isn't. */
const REQUESTS: Readonly<Record<string, (name: string) => Request>> = {
  "a program": (name) => ({ argv: [`${name}/tool`] }),
  "a file that is no program": (name) => ({ argv: [`${name}/file`] }),
  "a program below": (name) => ({ argv: [`${name}/below/tool`] }),
  "a link to a program": (name) => ({ argv: [`${name}/link`, "x"] }),
  "a folder's program": (name) => ({ argv: ["./tool"], cwd: name }),
  "a folder": (name) => ({ argv: ["sh", "-c", "id"], cwd: name }),
  "a folder, with a program that may run": (name) => ({
    argv: ["true"],
    cwd: name,
  }),
  "a way through a folder": (name) => ({ argv: [`${name}/../../../bin/true`] }),
  "a folder in PATH": (name) => ({
    argv: ["true"],
    env: { PATH: `${name}:/bin` },
  }),
};

/** The same for names that aren't paths. */
const NAMES:
  readonly (readonly [kind: string, there: string, missing: string])[] = [[
    "program",
    "sh",
    "no-such-program",
  ], ["user", "root", "no-such-user"]];

const RULES = [
  { effect: "allow", programs: ["true"], env: ["PATH"] },
  { effect: "allow", programs: ["/srv/nothing/*"], args: ["**"] },
  { effect: "deny", programs: ["/**"], args: ["x"] },
];

function makeGuest(folder: string): Guest {
  const there = `${folder}/there`;
  Deno.mkdirSync(there);
  Deno.writeTextFileSync(`${there}/tool`, "", { mode: 0o755 });
  Deno.writeTextFileSync(`${there}/file`, "");
  Deno.symlinkSync("/bin/true", `${there}/link`);
  return { there, missing: `${folder}/other` };
}

Deno.test(
  "serve --policy answers a denied caller alike, whatever is there",
  bounded(async (t) => {
    const folder = Deno.makeTempDirSync({ prefix: "oracle-" });
    const path = `${folder}/policy.json`;
    Deno.writeTextFileSync(path, JSON.stringify({ version: 1, rules: RULES }));
    try {
      await using agent = await startAgent({ args: ["--policy", path] });
      const { there, missing } = makeGuest(folder);
      const answer = async (request: Request, name: string) => {
        using wire = await agent.open({ type: "exec", ...request });
        const { end } = await wire.readSession();
        return JSON.stringify(end).replaceAll(name, "NAME");
      };
      for (const [kind, request] of Object.entries(REQUESTS)) {
        await t.step(kind, async () => {
          const found = await answer(request(there), there);
          assertEquals(found.includes('"denied"'), true, found);
          assertEquals(await answer(request(missing), missing), found);
        });
      }
      for (const [kind, known, unknown] of NAMES) {
        await t.step(kind, async () => {
          const request = (name: string) =>
            kind === "user" ? { argv: ["true"], user: name } : { argv: [name] };
          const found = await answer(request(known), known);
          assertEquals(found.includes('"denied"'), true, found);
          assertEquals(await answer(request(unknown), unknown), found);
        });
      }
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  }),
);

Deno.test(
  "serve --allow-run answers a denied caller alike, whatever is there",
  bounded(async (t) => {
    await using agent = await startAgent({ args: ["--allow-run=true,tool"] });
    const { there, missing } = makeGuest(agent.folder);
    const answer = async (request: Request, name: string) => {
      using wire = await agent.open({ type: "exec", ...request });
      const { end } = await wire.readSession();
      return JSON.stringify(end).replaceAll(name, "NAME");
    };
    for (
      const [kind, request] of Object.entries({
        "a program": REQUESTS["a program"]!,
        "a file that is no program": REQUESTS["a file that is no program"]!,
        "a link to a program": REQUESTS["a link to a program"]!,
        "a folder's program": REQUESTS["a folder's program"]!,
        "a folder": REQUESTS["a folder"]!,
        "a program's user": (name: string) => ({ argv: ["sh"], user: name }),
      })
    ) {
      await t.step(kind, async () => {
        const found = await answer(request(there), there);
        assertEquals(found.includes('"denied"'), true, found);
        assertEquals(await answer(request(missing), missing), found);
      });
    }
  }),
);

Deno.test(
  "serve tells callers that what they may run isn't there",
  bounded(async () => {
    const folder = Deno.makeTempDirSync({ prefix: "oracle-" });
    const path = `${folder}/policy.json`;
    Deno.writeTextFileSync(
      path,
      JSON.stringify({
        version: 1,
        rules: [{
          effect: "allow",
          programs: ["true", "no-such-program", `${folder}/bin/*`],
          cwd: [`${folder}/**`],
          users: ["*"],
        }],
      }),
    );
    try {
      await using granted = await startAgent({
        args: ["--allow-run=true,no-such-program"],
      });
      await using ruled = await startAgent({ args: ["--policy", path] });
      const code = async (agent: typeof ruled, request: Request) => {
        using wire = await agent.open({ type: "exec", ...request });
        return (await wire.readSession()).end["code"];
      };
      for (const agent of [granted, ruled]) {
        assertEquals(
          await code(agent, { argv: ["no-such-program"] }),
          "not_found",
        );
        const cwd = `${folder}/none`;
        assertEquals(
          await code(agent, { argv: ["true"], cwd }),
          "not_executable",
        );
      }
      assertEquals(
        await code(ruled, { argv: [`${folder}/bin/tool`] }),
        "not_found",
      );
      const user = "no-such-user";
      assertEquals(
        await code(ruled, { argv: ["true"], user }),
        Deno.uid() === 0 ? "not_executable" : "denied",
      );
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  }),
);
