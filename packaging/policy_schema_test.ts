import { assertEquals } from "@std/assert";
import { parsePolicy } from "../agent/policy/policy_document.ts";
import { formatPolicySchema, SCHEMA_PATH } from "./policy_schema.ts";

Deno.test("docs/policy.schema.json is what deno task policy-schema writes", async () => {
  assertEquals(await Deno.readTextFile(SCHEMA_PATH), formatPolicySchema());
});

Deno.test("The example in docs/policy.md is a policy", async () => {
  const text = await Deno.readTextFile(new URL("policy.md", SCHEMA_PATH));
  const [, example = ""] = text.match(/```json\n(.*?)```/s) ?? [];
  assertEquals(parsePolicy(example).rules.length, 4);
});
