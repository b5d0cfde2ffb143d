import { assertEquals } from "@std/assert";
import { findVersion } from "./empty_program.ts";

Deno.test("findVersion() finds the version among other texts", () => {
  const find = (text: string) => findVersion(new TextEncoder().encode(text));
  assertEquals(find("\0Deno/ Deno/std Deno/2.4.2+622c351\0"), "2.4.2");
  assertEquals(find("Deno/12.34.56"), "12.34.56");
  assertEquals(find("Deno 2.4.2"), undefined);
  assertEquals(find(""), undefined);
});

Deno.test("findVersion() looks at nothing but the bytes that it gets", () => {
  const bytes = new TextEncoder().encode("Deno/1.2.3 Deno/4.5.6");
  assertEquals(findVersion(bytes.subarray(11)), "4.5.6");
  assertEquals(findVersion(bytes.subarray(1, 11)), undefined);
});
