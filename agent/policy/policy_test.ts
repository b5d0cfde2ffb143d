import { assertEquals, assertStringIncludes } from "@std/assert";
import { findProgram } from "../../ffi/program.ts";
import { type CommandRequest, type Decision, Policy } from "./policy.ts";
import { parsePolicy } from "./policy_document.ts";
import {
  folder,
  identity,
  programFile,
  type UserAndGroup,
} from "./subjects.ts";

const TRUE = findProgram("true");
const SH = findProgram("sh");

/** A command and what its caller has chosen. */
interface Chosen
  extends Pick<CommandRequest, "args" | "clearEnv" | "timeoutMs" | "tty"> {
  readonly program: string;
  readonly variables: readonly string[];
  readonly identity: UserAndGroup | undefined;
  readonly cwd: string | undefined;
  readonly cid: number | undefined;
}

/** A command whose caller chooses nothing. */
const PLAIN: Chosen = {
  program: TRUE,
  args: [],
  variables: [],
  clearEnv: false,
  identity: undefined,
  cwd: undefined,
  timeoutMs: 0,
  cid: undefined,
  tty: false,
};

async function decide(
  rules: readonly Record<string, unknown>[],
  request: Partial<Chosen>,
): Promise<Decision> {
  const document = parsePolicy(JSON.stringify({ version: 1, rules }));
  const { program, variables, identity: user, cwd, ...rest } = {
    ...PLAIN,
    ...request,
  };
  return await new Policy(document).decide({
    ...rest,
    program: programFile(program, undefined),
    env: Object.fromEntries(variables.map((name) => [name, ""])),
    user: user && identity(user),
    cwd: cwd === undefined ? undefined : folder(cwd),
  });
}

const allow = (more: Record<string, unknown> = {}) => ({
  effect: "allow",
  programs: ["true"],
  ...more,
});
const deny = (more: Record<string, unknown> = {}) => ({
  effect: "deny",
  ...more,
});

/** What one rule makes of a command: an allowing one, or one that denies. */
const CASES: readonly [
  name: string,
  conditions: Record<string, unknown>,
  request: Partial<Chosen>,
  allowed: boolean,
  denied: boolean,
][] = [
  ["nothing is chosen or said", {}, {}, true, true],
  ["the program is another one", { programs: ["sh"] }, {}, false, false],
  ["the program fits by path", { programs: ["/bin/true"] }, {}, true, true],
  ["the program fits a pattern", { programs: ["/**/t*"] }, {}, true, true],
  ["the program is none", { programs: ["no-such"] }, {}, false, false],
  ["one of the programs fits", { programs: ["sh", "true"] }, {}, true, true],
  ["arguments aren't said", {}, { args: ["a"] }, false, true],
  ["arguments fit", { args: ["a*", "b"] }, { args: ["ab", "b"] }, true, true],
  ["one is missing", { args: ["a", "b"] }, { args: ["a"] }, false, false],
  ["one is too many", { args: ["a"] }, { args: ["a", "b"] }, false, false],
  ["one differs", { args: ["a", "b"] }, { args: ["a", "c"] }, false, false],
  ["any may follow", { args: ["a", "**"] }, { args: ["a", "b"] }, true, true],
  ["none follows", { args: ["a", "**"] }, { args: ["a"] }, true, true],
  ["even the first is missing", { args: ["a", "**"] }, {}, false, false],
  ["a folder isn't said", {}, { cwd: "/srv" }, false, true],
  ["the folder fits", { cwd: ["/srv/**"] }, { cwd: "/srv/a" }, true, true],
  ["the folder differs", { cwd: ["/srv/**"] }, { cwd: "/etc" }, false, false],
  ["no folder is chosen", { cwd: ["/srv"] }, {}, true, false],
  ["variables aren't said", {}, { variables: ["A"] }, false, true],
  [
    "all variables fit",
    { env: ["A", "LC_*"] },
    { variables: ["LC_ALL", "A"] },
    ...[true, true] as const,
  ],
  [
    "one variable fits",
    { env: ["A"] },
    { variables: ["B", "A"] },
    ...[false, true] as const,
  ],
  ["no variable fits", { env: ["A"] }, { variables: ["B"] }, false, false],
  ["variables are cleared", {}, { clearEnv: true }, false, true],
  [
    "variables are cleared, and not all may be set",
    { env: ["A", "L*"] },
    { clearEnv: true, variables: ["A"] },
    ...[false, true] as const,
  ],
  [
    "variables are cleared, and any may be set",
    { env: ["*"] },
    { clearEnv: true, variables: ["A"] },
    ...[true, true] as const,
  ],
  ["no variable is set", { env: ["A"] }, {}, true, false],
  ["the CID fits", { cids: [2, 5] }, { cid: 5 }, true, true],
  ["the CID differs", { cids: [2] }, { cid: 5 }, false, false],
  ["the CID isn't said", {}, { cid: 5 }, true, true],
  ["there is no CID", { cids: [2] }, {}, false, false],
  ["a terminal isn't said", {}, { tty: true }, false, true],
  ["a terminal may be had", { tty: true }, { tty: true }, true, true],
  ["a terminal isn't wanted", { tty: true }, {}, true, false],
  ["a user isn't said", {}, { identity: { uid: 0, gid: 0 } }, false, true],
  [
    "the user fits",
    { users: ["root"] },
    { identity: { uid: 0, gid: 0 } },
    ...[true, true] as const,
  ],
  [
    "the user fits by uid",
    { users: ["1", "0"] },
    { identity: { uid: 0, gid: 0 } },
    ...[true, true] as const,
  ],
  [
    "the user differs",
    { users: ["root", "0"] },
    { identity: { uid: 65534, gid: 0 } },
    ...[false, false] as const,
  ],
  [
    "the user has another group than its own",
    { users: ["root"] },
    { identity: { uid: 0, gid: 4 } },
    ...[false, true] as const,
  ],
  [
    "the user has the group that is said",
    { users: ["root:4"] },
    { identity: { uid: 0, gid: 4 } },
    ...[true, true] as const,
  ],
  [
    "the user hasn't the group that is said",
    { users: ["root:4"] },
    { identity: { uid: 0, gid: 0 } },
    ...[false, false] as const,
  ],
  [
    "there is no such user",
    { users: ["no-such-user"] },
    { identity: { uid: 0, gid: 0 } },
    ...[false, false] as const,
  ],
  [
    "any user fits",
    { users: ["*"] },
    { identity: { uid: 12345, gid: 0 } },
    ...[true, true] as const,
  ],
  [
    "no user is chosen, which is the agent's own",
    { users: [String(Deno.uid())] },
    {},
    ...[true, true] as const,
  ],
  ["no user is chosen", { users: ["54321"] }, {}, false, false],
];

for (const [name, conditions, request, allowed, denied] of CASES) {
  Deno.test(`A rule ${allowed ? "allows" : "doesn't allow"} and another ${denied ? "denies" : "doesn't deny"} a command when ${name}`, async () => {
    assertEquals(
      (await decide([allow(conditions)], request)).allowed,
      allowed,
    );
    const open = allow({
      ...{ args: ["**"], users: ["*"], cwd: ["/**"], env: ["*"], tty: true },
    });
    assertEquals(
      (await decide([deny(conditions), open], request)).allowed,
      !denied,
    );
  });
}

Deno.test("Policy.decide() denies when there is no rule, or none matches", async () => {
  const none = await decide([], {});
  assertEquals(none.allowed, false);
  assertEquals(
    none.reason,
    `no rule of the policy is for ${JSON.stringify(TRUE)}`,
  );
});

Deno.test("Policy.decide() takes the first rule that matches", async () => {
  const rules = [
    deny({ name: "not this", programs: ["true"], args: ["no"] }),
    allow({ args: ["no", "**"] }),
    allow({ name: "all", args: ["**"] }),
    deny(),
  ];
  const first = await decide(rules, { args: ["no"] });
  assertEquals([first.allowed, first.rule], [false, "not this"]);
  assertEquals(first.reason, 'rule "not this" of the policy denies it');
  const second = await decide(rules, { args: ["no", "x"] });
  assertEquals([second.allowed, second.rule], [true, "rules[1]"]);
  const third = await decide(rules, { args: ["yes"] });
  assertEquals([third.allowed, third.rule], [true, "all"]);
  const last = await decide(rules, { program: SH });
  assertEquals([last.allowed, last.rule], [false, "rules[3]"]);
});

Deno.test("Policy.decide() bounds the time limit, and sets it where there is none", async () => {
  const rules = [allow({ maxTimeout: "30s" })];
  assertEquals((await decide(rules, {})).timeoutMs, 30_000);
  assertEquals((await decide(rules, { timeoutMs: 5 })).timeoutMs, 5);
  assertEquals((await decide(rules, { timeoutMs: 30_000 })).allowed, true);
  assertEquals((await decide(rules, { timeoutMs: 30_001 })).allowed, false);
  assertEquals((await decide([allow()], { timeoutMs: 5 })).timeoutMs, 5);
  assertEquals((await decide([allow()], {})).timeoutMs, 0);
});

Deno.test("Policy.decide() denies variables that load other code, whatever rules say", async () => {
  const { allowed, reason } = await decide([allow({ env: ["*", "LD_*"] })], {
    variables: ["A", "LD_PRELOAD"],
  });
  assertEquals(allowed, false);
  assertStringIncludes(reason, '"LD_PRELOAD"');
});

Deno.test("Policy.decide() names the rule that comes nearest, and no argument", async () => {
  const rules = [
    allow({ programs: ["sh"], args: ["**"] }),
    allow({ name: "near", args: ["--token=a*"] }),
    allow({ name: "nearer", args: ["**"], env: ["A"] }),
    allow({ name: "no nearer", args: ["**"], cwd: ["/srv"] }),
  ];
  const { reason, steps } = await decide(rules, {
    args: ["--token=secret"],
    variables: ["B"],
  });
  assertEquals(
    reason,
    'no rule of the policy allows it; the nearest is "nearer", but the caller may not set variable "B"',
  );
  assertEquals(steps.map(({ mismatch }) => mismatch), [
    `it is not for ${JSON.stringify(TRUE)}`,
    'argument 1 doesn\'t match "--token=a*"',
    'the caller may not set variable "B"',
    'the caller may not set variable "B"',
  ]);
});

Deno.test("Policy.allowedPrograms() lists files of what rules name, not deny and not leave open", async () => {
  const rules = [
    allow({ programs: ["true", "no-such-program", "/usr/bin/*"] }),
    allow({ programs: [TRUE] }),
    deny({ programs: ["sh"] }),
  ];
  const document = parsePolicy(JSON.stringify({ version: 1, rules }));
  assertEquals(await new Policy(document).allowedPrograms(), [TRUE]);
});

Deno.test("Policy.decide() speaks of a terminal before the variables that come with it", async () => {
  const { allowed, reason } = await decide([allow()], {
    variables: ["LANG", "LC_ALL"],
    tty: true,
  });
  assertEquals(allowed, false);
  assertStringIncludes(reason, "but the caller may not have a terminal");
});
