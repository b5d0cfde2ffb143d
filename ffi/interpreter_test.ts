import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { withoutFdLeaks } from "./_test_utils.ts";
import { OsError } from "./errno.ts";
import { findInterpreter } from "./interpreter.ts";

/** Runs a function with the path of a file of these contents. */
function withFile<T>(contents: string | Uint8Array, use: (path: string) => T) {
  const path = Deno.makeTempFileSync();
  try {
    Deno.writeFileSync(
      path,
      typeof contents === "string"
        ? new TextEncoder().encode(contents)
        : contents,
    );
    return use(path);
  } finally {
    Deno.removeSync(path);
  }
}

/** Returns an ELF file with one segment at a place. */
function elfFile(type: number, at: number, text: string): Uint8Array {
  const bytes = new Uint8Array(at + text.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setBigUint64(0x20, 64n, true);
  view.setUint16(0x38, 1, true);
  view.setUint32(64, type, true);
  view.setBigUint64(64 + 8, BigInt(at), true);
  view.setBigUint64(64 + 32, BigInt(text.length), true);
  bytes.set(new TextEncoder().encode(text), at);
  return bytes;
}

Deno.test("findInterpreter() reads the first line of a script as the kernel does", () => {
  const cases: [string, ReturnType<typeof findInterpreter>][] = [
    ["#!/bin/sh\necho", { path: "/bin/sh" }],
    ["#!/bin/sh", { path: "/bin/sh" }],
    ["#! \t/bin/sh \t\n", { path: "/bin/sh" }],
    ["#!/bin/sh -e\n", { path: "/bin/sh", argument: "-e" }],
    [
      "#!/usr/bin/env -S python3 -u \n#!/bin/sh\n",
      { path: "/usr/bin/env", argument: "-S python3 -u" },
    ],
  ];
  for (const [contents, expected] of cases) {
    assertEquals(withFile(contents, findInterpreter), expected, contents);
  }
});

Deno.test("findInterpreter() finds the loader wherever the file has it", () => {
  const loader = "/lib/ld.so\0";
  for (const at of [120, 300, 100_000]) {
    assertEquals(withFile(elfFile(3, at, loader), findInterpreter), {
      path: "/lib/ld.so",
    });
  }
  assertEquals(withFile(elfFile(1, 120, loader), findInterpreter), undefined);
});

Deno.test("findInterpreter() finds the loader that the kernel maps", async () => {
  const { stdout } = await new Deno.Command("/bin/cat", {
    args: ["/proc/self/maps"],
  }).output();
  await withoutFdLeaks(() => {
    const { path } = findInterpreter("/bin/cat")!;
    assertStringIncludes(
      new TextDecoder().decode(stdout),
      Deno.realPathSync(path),
    );
    return Promise.resolve();
  });
});

Deno.test("findInterpreter() throws when a file is no program", () => {
  for (
    const contents of [
      ...["", "echo hi\n", "#!\n", "#! \n"],
      elfFile(3, 120, "/lib/ld.so\0").subarray(0, 100),
      elfFile(3, 120, "/lib/ld.so\0").subarray(0, 125),
    ]
  ) {
    assertThrows(() => withFile(contents, findInterpreter), SyntaxError);
  }
  assertThrows(() => findInterpreter("/nonexistent"), OsError, "ENOENT");
});
