import { assertEquals } from "@std/assert";
import { parsePolicy } from "../agent/policy/policy_document.ts";
import { sourcePath } from "./package_files.ts";
import { formatPolicySchema, SCHEMA_PATH } from "./policy_schema.ts";

Deno.test("docs/policy.schema.json is what deno task policy-schema writes", async () => {
  assertEquals(await Deno.readTextFile(SCHEMA_PATH), formatPolicySchema());
});

Deno.test("The example in docs/policy.md is the package's, and a policy", async () => {
  const text = await Deno.readTextFile(new URL("policy.md", SCHEMA_PATH));
  const [, example = ""] = text.match(/```json\n(.*?)```/s) ?? [];
  assertEquals(example, await Deno.readTextFile(sourcePath("policy.json")));
  assertEquals(parsePolicy(example).rules.length, 4);
});
