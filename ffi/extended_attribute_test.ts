import { assertEquals } from "@std/assert";
import { readAttribute } from "./extended_attribute.ts";

Deno.test("readAttribute() returns undefined for what isn't there", async () => {
  const path = await Deno.makeTempFile();
  try {
    assertEquals(readAttribute(path, "user.none"), undefined);
    assertEquals(readAttribute(`${path}.none`, "user.none"), undefined);
  } finally {
    await Deno.remove(path);
  }
});
