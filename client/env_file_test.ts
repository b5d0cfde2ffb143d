import { assertEquals, assertThrows } from "@std/assert";
import { parseEnvFile, readEnvFile } from "./env_file.ts";
import { InputError } from "./failure.ts";

Deno.test("parseEnvFile() takes values as they are", () => {
  assertEquals(
    parseEnvFile(
      "A=1\n\n# comment=no\n  \n  #no\nB=\"x\" 'y' $Z #z \nC=a=b\nD=\r\n  E= e\n__proto__=p\nA=2",
      "f",
    ),
    Object.fromEntries([
      ["A", "2"],
      ["B", "\"x\" 'y' $Z #z "],
      ["C", "a=b"],
      ["D", ""],
      ["E", " e"],
      ["__proto__", "p"],
    ]),
  );
  assertEquals(parseEnvFile("", "f"), {});
});

for (const line of ["A", "=1", "A B=1", "export A=1", "A =1"]) {
  Deno.test(`parseEnvFile() names the file and the line when it is ${line}`, () => {
    assertThrows(
      () => parseEnvFile(`# one\nB=2\n${line}\n`, "my.env"),
      InputError,
      `"my.env", line 3: must be KEY=VALUE`,
    );
  });
}

Deno.test("readEnvFile() says what is wrong with a file", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "\ufeffA=ü\n");
    assertEquals(readEnvFile(path), { A: "ü" });
    await Deno.writeFile(path, Uint8Array.of(0x41, 0x3d, 0xff));
    assertThrows(
      () => readEnvFile(path),
      InputError,
      `"${path}": it is no UTF`,
    );
    await Deno.writeTextFile(path, "A=" + "x".repeat(1024 * 1024));
    assertThrows(() => readEnvFile(path), InputError, "is longer than 1048576");
  } finally {
    await Deno.remove(path);
  }
  assertThrows(
    () => readEnvFile("/nonexistent"),
    InputError,
    `Cannot read variables from "/nonexistent": Cannot open`,
  );
});
