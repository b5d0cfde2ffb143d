import { assertEquals } from "@std/assert";
import { redactArgv } from "./redact.ts";

for (
  const [patterns, argv, expected] of [
    [[], ["a", "b"], ["a", "b"]],
    [["--pass=*"], ["x", "--pass=s3", "s3"], ["x", "--pass=[redacted]", "s3"]],
    [["--pass=*"], ["x", "--pass", "--pass="], [
      "x",
      "--pass",
      "--pass=[redacted]",
    ]],
    [["*"], ["x", "a", ""], ["x", "[redacted]", "[redacted]"]],
    [["*"], ["--pass=s3"], ["--pass=s3"]],
    [["-u*:*"], ["curl", "-ume:s3:s4"], [
      "curl",
      "-u[redacted]:[redacted]",
    ]],
    [["a*", "*b"], ["x", "ab", "cb"], ["x", "a[redacted]", "[redacted]b"]],
  ] as const
) {
  Deno.test(`redactArgv() makes ${JSON.stringify(expected)} of ${JSON.stringify(argv)} by ${JSON.stringify(patterns)}`, () => {
    assertEquals(redactArgv(argv, patterns), [...expected]);
  });
}
