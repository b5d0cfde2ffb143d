/**
 * Reading what a policy file says.
 *
 * @module
 */

import * as v from "valibot";
import { findJsonFault } from "./json_fault.ts";
import { type PolicyDocument, PolicySchema } from "./policy_schema.ts";

/** More faults than these are not told at once. */
const MAX_FAULTS = 5;

/**
 * Parses the text of a policy file. What it doesn't know is an error: a slip of
 * the pen must not open anything.
 *
 * @param text The text, JSON.
 * @returns What it says.
 * @throws {SyntaxError} If it isn't JSON, or an object has a key twice, of which
 * JSON takes the last one; the message begins with the line and the column.
 * @throws {TypeError} If it isn't a policy; the message names each place, such as
 * `rules[2].args[0]`, and what is to be there.
 */
export function parsePolicy(text: string): PolicyDocument {
  const fault = findJsonFault(text);
  if (fault !== undefined) {
    throw new SyntaxError(`${position(text, fault.at)}: ${fault.reason}`);
  }
  const result = v.safeParse(PolicySchema, JSON.parse(text));
  if (result.success) return result.output;
  const faults = result.issues.map(describeIssue);
  const more = faults.length - MAX_FAULTS;
  throw new TypeError([
    ...faults.slice(0, MAX_FAULTS),
    ...(more > 0 ? [`and ${more} more`] : []),
  ].join("; "));
}

/** Returns where in a text something is, as editors count. */
function position(text: string, at: number): string {
  const lines = text.slice(0, at).split("\n");
  return `line ${lines.length}, column ${lines.at(-1)!.length + 1}`;
}

function describeIssue(
  issue: v.InferIssue<typeof PolicySchema>,
): string {
  const path = (issue.path ?? []).map(({ key }) =>
    typeof key === "number" ? `[${key}]` : `.${String(key)}`
  ).join("").replace(/^\./, "");
  const at = path === "" ? "the policy" : path;
  return `${at} ${issue.message}`;
}
