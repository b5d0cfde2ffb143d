import { assertEquals, assertThrows } from "@std/assert";
import { parsePolicy } from "./policy_document.ts";

const RULE = { effect: "allow", programs: ["true"] };
const DENY = { effect: "deny" };

const policy = (...rules: unknown[]) => JSON.stringify({ version: 1, rules });

Deno.test("parsePolicy() takes a policy with everything in it", () => {
  const document = {
    $schema: "policy.schema.json",
    version: 1,
    reseed: true,
    rules: [
      {
        name: "logs",
        effect: "allow",
        programs: ["journalctl", "/usr/bin/tail", "/opt/*/bin/**"],
        args: ["-u", "*", "**"],
        users: ["nobody", "1000:adm", "*"],
        cwd: ["/", "/srv/**"],
        env: ["LANG", "LC_*"],
        maxTimeout: "1.5h",
        cids: [2, 4294967295],
        tty: true,
      },
      { ...RULE, args: [], tty: false, maxTimeout: "1ms" },
      { effect: "deny", tty: true, cids: [3], args: ["**"] },
      DENY,
    ],
  };
  assertEquals(parsePolicy(JSON.stringify(document)), document as unknown);
  assertEquals(parsePolicy(policy()).rules, []);
});

for (
  const [text, message] of [
    ["", "line 1, column 1: expected a value"],
    ['{\n  "version": 1,\n}', "line 3, column 1: expected a key in double"],
    ['{\n  "rules": [', 'line 2, column 13: expected a value or "]"'],
    [
      '{"version": 1,\n "rules": [], "version": 1}',
      'line 2, column 15: the key "version" is repeated',
    ],
  ] as const
) {
  Deno.test(`parsePolicy() says where the text ${JSON.stringify(text)} is no JSON`, () => {
    assertThrows(() => parsePolicy(text), SyntaxError, message);
  });
}

Deno.test("parsePolicy() takes keys that other objects have, or that are text", () => {
  parsePolicy(policy(RULE, { ...RULE, args: ['"effect":', "{", "name"] }));
});

for (
  const [text, message] of [
    ["5", "the policy must be an object"],
    ["null", "the policy must be an object"],
    ["{}", "version is missing; rules is missing"],
    ['{"version": 2, "rules": []}', "version must be 1"],
    ['{"version": 1, "rules": {}}', "rules must be a list"],
    [
      '{"version": 1, "rules": [], "rule": []}',
      "rule is not known here; known are $schema, version, reseed, rules",
    ],
    [
      '{"version": 1, "rules": [], "__proto__": {}}',
      "__proto__ is not known here",
    ],
    [policy(5), "rules[0] must be an object"],
    [policy(RULE, {}), 'rules[1].effect must be "allow" or "deny"'],
    [policy({ effect: "allow" }), "rules[0].programs is missing"],
    [policy({ ...RULE, arg: [] }), "rules[0].arg is not known here; known"],
    [policy({ ...RULE, args: ["a", 1] }), "rules[0].args[1] must be a string"],
    [policy({ ...RULE, args: "a" }), "rules[0].args must be a list"],
    [
      policy({ ...RULE, args: ["**", "a"] }),
      'rules[0].args may have "**" as its last entry only',
    ],
    [policy({ ...RULE, programs: [] }), "rules[0].programs must not be an"],
    [policy({ ...RULE, env: [] }), "rules[0].env must not be an empty list"],
    [policy({ ...RULE, env: [""] }), "rules[0].env[0] must not be empty"],
    [policy({ ...RULE, name: "" }), "rules[0].name must not be empty"],
    [policy({ ...RULE, maxTimeout: 5 }), "rules[0].maxTimeout must be a"],
    [policy({ ...RULE, maxTimeout: "5" }), "rules[0].maxTimeout must be a"],
    [policy({ ...RULE, maxTimeout: "0s" }), "rules[0].maxTimeout must be lon"],
    [policy({ ...RULE, maxTimeout: "25h" }), "rules[0].maxTimeout must be l"],
    [policy({ ...RULE, cids: [-1] }), "rules[0].cids[0] must be at least 0"],
    [policy({ ...RULE, cids: [2 ** 32] }), "rules[0].cids[0] must be at most"],
    [policy({ ...RULE, cids: [1.5] }), "rules[0].cids[0] must be an integer"],
    [policy({ ...DENY, maxTimeout: "5s" }), "rules[0].maxTimeout is not know"],
    [policy({ ...DENY, tty: false }), "rules[0].tty must be true, or be left"],
    [
      policy({}, {}, {}, {}, {}, {}, {}),
      'rules[4].effect must be "allow" or "deny"; and 2 more',
    ],
  ] as const
) {
  Deno.test(`parsePolicy() says where ${text} is no policy`, () => {
    assertThrows(() => parsePolicy(text), TypeError, message);
  });
}

Deno.test("parsePolicy() takes paths that can match alone", () => {
  const good = [
    "/",
    "/a",
    "/a*/*",
    "/**",
    "/**/a",
    "/a/**/b",
    "/a/..b",
    "/...",
  ];
  for (const cwd of good) parsePolicy(policy({ ...RULE, cwd: [cwd] }));
  const bad = [
    ...["", "a", "a/b", "./a", "/a/", "//", "/a//b", "/a/./b", "/a/../b"],
    ...["/a/..", "/.", "/a**", "/**a", "/***", "/a/**b/c"],
  ];
  for (const path of bad) {
    assertThrows(
      () => parsePolicy(policy({ ...RULE, cwd: [path] })),
      TypeError,
      "rules[0].cwd[0] must be an absolute path",
      path,
    );
    if (path === "a") continue;
    assertThrows(
      () => parsePolicy(policy({ ...RULE, programs: [path] })),
      TypeError,
      "rules[0].programs[0] must be a name",
      path,
    );
  }
});

Deno.test("parsePolicy() takes users with one group at most", () => {
  for (const user of ["", ":", "a:", ":a", "a:b:c", "a*", "*:a", "a:*"]) {
    assertThrows(
      () => parsePolicy(policy({ ...RULE, users: [user] })),
      TypeError,
      "rules[0].users[0] must be",
      user,
    );
  }
});
