/**
 * What a policy file holds. `docs/policy.schema.json` is made of it, by
 * `deno task policy-schema`.
 *
 * @module
 */

import * as v from "valibot";
import { parseDuration } from "../../cli/parse_flags.ts";

const MAX_U32 = 0xffffffff;

/** Without `.`, `..` and empty components, which no resolved path has. */
const PATH = "(?!.*[^/]\\*\\*)(?!.*\\*\\*[^/])(?!.+/$)(?!.*/\\.{0,2}/)" +
  "(?!.*/\\.{1,2}$)/.*";

const text = v.string("must be a string");
const name = v.pipe(
  text,
  v.nonEmpty("must not be empty"),
  v.description("What audit records and explanations call the rule"),
);
const programs = v.pipe(
  list(
    v.pipe(
      text,
      v.regex(
        new RegExp(`^(?:[^/*]+|${PATH})$`),
        'must be a name without "*", or an absolute path without "." and "..", where "*" is for a part of a component and "**" for any components',
      ),
    ),
  ),
  v.description(
    "Names, looked up in the agent's PATH, paths, and patterns of paths",
  ),
);
const args = v.pipe(
  v.array(text, "must be a list"),
  v.check(
    (patterns) => patterns.slice(0, -1).every((pattern) => pattern !== "**"),
    'may have "**" as its last entry only',
  ),
  v.description(
    "A pattern for each argument; a last one of ** is for any more of them",
  ),
);
const users = v.pipe(
  list(
    v.pipe(
      text,
      v.regex(
        /^(?:\*|[^:*]+(?::[^:*]+)?)$/,
        'must be "USER", "USER:GROUP" or "*"',
      ),
    ),
  ),
  v.description("Users, with their own main group or the one named, or *"),
);
const cwd = v.pipe(
  list(
    v.pipe(
      text,
      v.regex(
        new RegExp(`^${PATH}$`),
        'must be an absolute path without "." and "..", where "*" is for a part of a component and "**" for any components',
      ),
    ),
  ),
  v.description("Patterns of folders"),
);
const env = v.pipe(
  list(v.pipe(text, v.nonEmpty("must not be empty"))),
  v.description("Patterns of variables' names"),
);
const cids = v.pipe(
  list(
    v.pipe(
      v.number("must be a number"),
      v.integer("must be an integer"),
      v.minValue(0, "must be at least 0"),
      v.maxValue(MAX_U32, `must be at most ${MAX_U32}`),
    ),
  ),
  v.description("The vsock context identifiers of callers"),
);

const allowRule = object({
  name: v.optional(name),
  effect: v.literal("allow"),
  programs,
  args: v.optional(args),
  users: v.optional(users),
  cwd: v.optional(cwd),
  env: v.optional(env),
  maxTimeout: v.optional(
    v.pipe(
      text,
      v.regex(
        /^\d+(?:\.\d+)?(?:ms|s|m|h)$/,
        "must be a duration such as 500ms, 30s or 5m",
      ),
      v.check(
        (time) =>
          parseDuration(time) !== 0 && parseDuration(time) !== undefined,
        "must be longer than 0, and at most 24h",
      ),
      v.description("The longest time limit, and that of callers without one"),
    ),
  ),
  cids: v.optional(cids),
  tty: v.optional(
    v.pipe(
      v.boolean("must be true or false"),
      v.description("Whether callers may have a terminal"),
    ),
  ),
});

const denyRule = object({
  name: v.optional(name),
  effect: v.literal("deny"),
  programs: v.optional(programs),
  args: v.optional(args),
  users: v.optional(users),
  cwd: v.optional(cwd),
  env: v.optional(env),
  cids: v.optional(cids),
  tty: v.optional(
    v.pipe(
      v.literal(true, "must be true, or be left out"),
      v.description("Commands on a terminal alone"),
    ),
  ),
});

/** The schema of a policy file. */
export const PolicySchema = object({
  $schema: v.optional(v.pipe(text, v.description("For editors"))),
  version: v.pipe(
    v.literal(1, "must be 1"),
    v.description("The version of this format"),
  ),
  reseed: v.optional(
    v.pipe(
      v.boolean("must be true or false"),
      v.description("Whether callers may reseed the guest"),
    ),
  ),
  rules: v.pipe(
    v.array(
      v.variant(
        "effect",
        [allowRule, denyRule],
        (issue) =>
          issue.expected === "Object"
            ? "must be an object"
            : 'must be "allow" or "deny"',
      ),
      "must be a list",
    ),
    v.description("The first rule that matches decides; none means deny"),
  ),
});

/** A policy file's content. */
export type PolicyDocument = v.InferOutput<typeof PolicySchema>;
/** One of its rules. */
export type PolicyRule = PolicyDocument["rules"][number];
/** A list that says something. */
function list<
  const Item extends v.BaseSchema<unknown, unknown, v.BaseIssue<unknown>>,
>(item: Item) {
  return v.pipe(
    v.array(item, "must be a list"),
    v.minLength(1, "must not be an empty list"),
  );
}

/** An object without keys of other names. */
function object<const Entries extends v.ObjectEntries>(entries: Entries) {
  return v.strictObject(entries, ({ expected, received }) => {
    if (expected === "never") {
      return `is not known here; known are ${Object.keys(entries).join(", ")}`;
    }
    return received === "undefined" ? "is missing" : "must be an object";
  });
}
