/**
 * The schema of policy files as it is published: `docs/policy.schema.json`.
 *
 * @module
 */

import { toJsonSchema } from "@valibot/to-json-schema";
import { PolicySchema } from "../agent/policy/policy_schema.ts";

/** Where it is. */
export const SCHEMA_PATH = new URL(
  "../docs/policy.schema.json",
  import.meta.url,
);

/**
 * Formats the schema of policy files as JSON Schema.
 *
 * @returns The text of the file.
 */
export function formatPolicySchema(): string {
  const schema = toJsonSchema(PolicySchema, {
    // Two rules that JSON Schema has no words for; the agent checks them.
    ignoreActions: ["check"],
  });
  const title = "A policy of cocoon-agent";
  return `${JSON.stringify({ title, ...schema }, null, 2)}\n`;
}

if (import.meta.main) {
  await Deno.writeTextFile(SCHEMA_PATH, formatPolicySchema());
}
