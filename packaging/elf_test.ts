import { assertEquals, assertRejects } from "@std/assert";
import { ARCHITECTURES } from "./architecture.ts";
import { readElfHeader } from "./elf.ts";

Deno.test("readElfHeader() finds this runtime's architecture and its end", async () => {
  const { machine, end } = await readElfHeader(Deno.execPath());
  const own = ARCHITECTURES.find(({ deno }) => deno === Deno.build.arch);
  assertEquals(machine, own?.machine);
  // Nothing is appended to it.
  assertEquals(end, (await Deno.stat(Deno.execPath())).size);
});

Deno.test("readElfHeader() names the file when it is no ELF file", async () => {
  const path = new URL(import.meta.url).pathname;
  const error = await assertRejects(() => readElfHeader(path), SyntaxError);
  assertEquals(
    error.message,
    `Cannot parse an ELF header: it isn't there in "${path}"`,
  );
});
