import { assertEquals } from "@std/assert";
import { permissions } from "./permissions.ts";
import { isInstalled } from "./_test_utils.ts";

const UNITS = ["cocoon-agent.service", "cocoon-agent-deno.service"];

Deno.test("cocoon-agent-deno.service grants what the compiled binary has, on amd64", async () => {
  const flags = (await readUnit("cocoon-agent-deno.service"))
    .get("ExecStart")![0]!.split(" ");
  const granted = flags.filter((flag) => flag.startsWith("--allow-"));
  const expected = permissions("x86_64").map(({ name, values }) => {
    switch (name) {
      case "run":
        // Which programs is up to the guest, as long as it is a list.
        return granted.find((flag) => /^--allow-run=./.test(flag));
      case "ffi":
        // The library is where it is in Debian.
        return `--allow-ffi=${values![0]}`;
      default:
        return `--allow-${name}${values ? `=${values.join(",")}` : ""}`;
    }
  });
  assertEquals(granted.toSorted(), expected.toSorted());
  assertEquals(
    ["--no-prompt", "--cached-only", "--no-remote"]
      .filter((flag) => !flags.includes(flag)),
    [],
  );
});

Deno.test("The units differ only in what they run", async () => {
  const [binary, source] = await Promise.all(UNITS.map(readUnit));
  for (const name of ["Description", "ExecStart", "Conflicts"]) {
    binary!.delete(name);
    source!.delete(name);
  }
  assertEquals(source, binary);
});

Deno.test({
  name: "The units and the drop-in are valid to systemd",
  ignore: !await isInstalled("systemd-analyze"),
  async fn() {
    const root = await Deno.makeTempDir();
    try {
      // Systemd's own units are referred to, and the programs must be there.
      const units = `${root}/usr/lib/systemd/system`;
      const dropIns = `${units}/cocoon-agent.service.d`;
      await Deno.mkdir(`${root}/usr/bin`, { recursive: true });
      await Deno.mkdir(dropIns, { recursive: true });
      await copyFiles("/usr/lib/systemd/system", units);
      for (const unit of UNITS) {
        await Deno.copyFile(sourcePath(unit), `${units}/${unit}`);
      }
      for (const program of ["cocoon-agent", "deno", "sh"]) {
        await Deno.writeTextFile(`${root}/usr/bin/${program}`, "", {
          mode: 0o755,
        });
      }
      assertEquals(await verify(root), "");
      await Deno.copyFile(
        sourcePath("cocoon-agent-restricted.conf"),
        `${dropIns}/restricted.conf`,
      );
      assertEquals(await verify(root), "");
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  },
});

/** Lets systemd read the units below a root, and returns its complaints. */
async function verify(root: string): Promise<string> {
  const { stderr, success } = await new Deno.Command("systemd-analyze", {
    args: ["verify", "--man=no", `--root=${root}`, ...UNITS],
  }).output();
  const complaints = new TextDecoder().decode(stderr);
  return success || complaints !== "" ? complaints : "It failed";
}

/** Reads the settings of a unit, in order, with continued lines joined. */
async function readUnit(name: string): Promise<Map<string, string[]>> {
  const text = await Deno.readTextFile(sourcePath(name));
  const settings = new Map<string, string[]>();
  for (const line of text.replace(/\\\n\s*/g, "").split("\n")) {
    const [, key, value] = line.match(/^([A-Za-z]+)=(.*)$/) ?? [];
    if (key === undefined) continue;
    settings.set(key, [...settings.get(key) ?? [], value!]);
  }
  return settings;
}

async function copyFiles(from: string, to: string): Promise<void> {
  for await (const { name, isFile } of Deno.readDir(from)) {
    if (isFile) await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

function sourcePath(name: string): string {
  return new URL(name, import.meta.url).pathname;
}
