import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ARCHITECTURES, findArchitecture } from "./architecture.ts";
import { buildPackage, controlText } from "./deb.ts";
import { changelogText } from "./package_files.ts";
import { ToolError } from "./_script.ts";
import { isInstalled } from "./_test_utils.ts";

const ARM64 = findArchitecture("debian", "arm64");

Deno.test("controlText() gives every field that dpkg needs a value", () => {
  const fields = Object.fromEntries(
    controlText(ARM64, "1.2.3-1", 2049).split("\n")
      .filter((line) => /^\S/.test(line))
      .map((line) => line.split(": ", 2)),
  );
  assertEquals(fields["Package"], "cocoon-agent");
  assertEquals(fields["Version"], "1.2.3-1");
  assertEquals(fields["Architecture"], "arm64");
  assertEquals(fields["Installed-Size"], "3");
  assertStringIncludes(fields["Depends"]!, "libc6 (>= 2.34)");
  assertEquals(typeof fields["Maintainer"], "string");
  assertEquals(typeof fields["Description"], "string");
});

Deno.test("changelogText() has a trailer that dpkg can parse", () => {
  const text = changelogText("1.2.3-1", 1_000_000_000);
  assertEquals(
    text.split("\n")[0],
    "cocoon-agent (1.2.3-1) unstable; urgency=medium",
  );
  assertStringIncludes(text, "* Version 1.2.3.");
  assertStringIncludes(text, ">  Sun, 09 Sep 2001 01:46:40 +0000\n");
});

Deno.test("buildPackage() refuses an executable for another machine", async () => {
  const other = ARCHITECTURES.find(({ deno }) => deno !== Deno.build.arch)!;
  const error = await assertRejects(
    () =>
      buildPackage({
        architecture: other,
        binary: Deno.execPath(),
        out: "/nonexistent",
        version: "1",
        epoch: 0,
      }),
    ToolError,
  );
  assertStringIncludes(
    error.message,
    `it isn't an executable for ${other.debian}`,
  );
});

Deno.test("buildPackage() says how to get an executable that is missing", async () => {
  await assertRejects(
    () =>
      buildPackage({
        architecture: ARM64,
        binary: "/nonexistent",
        out: "/nonexistent",
        version: "1",
        epoch: 0,
      }),
    ToolError,
    '"deno task compile --target aarch64-unknown-linux-gnu" makes one',
  );
});

Deno.test({
  name: "buildPackage() builds the same package every time",
  ignore: !await isInstalled("dpkg-deb"),
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const binary = `${folder}/program`;
      await Deno.writeFile(binary, armHeader());
      const [first, second] = await Promise.all(
        ["a", "b"].map((name) =>
          buildPackage({
            architecture: ARM64,
            binary,
            out: `${folder}/${name}`,
            version: "1.2.3-1",
            epoch: 1_000_000_000,
          })
        ),
      );
      assertEquals(
        await Deno.readFile(first!),
        await Deno.readFile(second!),
      );
      const { stdout } = await new Deno.Command("dpkg-deb", {
        args: ["--contents", first!],
        env: { TZ: "UTC" },
      }).output();
      const listing = new TextDecoder().decode(stdout).trim().split("\n")
        .map((line) => line.split(/\s+/));
      assertEquals(
        new Set(listing.map(([, owner]) => owner)),
        new Set(["root/root"]),
      );
      assertEquals(
        new Set(listing.map(([, , , date, time]) => `${date} ${time}`)),
        new Set(["2001-09-09 01:46"]),
      );
      const modes = new Map(listing.map((line) => [line[5], line[0]]));
      assertEquals(modes.get("./"), "drwxr-xr-x");
      assertEquals(modes.get("./usr/bin/cocoon-agent"), "-rwxr-xr-x");
      assertEquals(
        modes.get("./usr/lib/systemd/system/cocoon-agent.service"),
        "-rw-r--r--",
      );
      for (
        const path of [
          "./usr/share/bash-completion/completions/cocoon-agent",
          "./usr/share/zsh/vendor-completions/_cocoon-agent",
          "./usr/share/fish/vendor_completions.d/cocoon-agent.fish",
          "./usr/share/doc/cocoon-agent/examples/policy.json",
          "./usr/share/doc/cocoon-agent/examples/policy.schema.json",
        ]
      ) assertEquals(modes.get(path), "-rw-r--r--", path);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

function armHeader(): Uint8Array {
  const bytes = new Uint8Array(64);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  new DataView(bytes.buffer).setUint16(0x12, ARM64.machine, true);
  return bytes;
}
