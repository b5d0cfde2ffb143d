import { assertEquals } from "@std/assert";
import config from "../deno.json" with { type: "json" };
import { permissionFlags, permissions } from "./permissions.ts";

Deno.test("permissions() grants what the serve task does", () => {
  const granted = (["x86_64", "aarch64"] as const).flatMap((arch) =>
    permissionFlags(permissions(arch))
  );
  // Each value a flag of its own, as the task serves all architectures.
  const single = (flags: readonly string[]) =>
    new Set(flags.flatMap((flag) => {
      const [name, values] = flag.split("=");
      return values?.split(",").map((value) => `${name}=${value}`) ?? [flag];
    }));
  const task = config.tasks.serve.command.split(" ")
    .filter((word) => word.startsWith("--"));
  assertEquals(single(task), single(granted));
});

Deno.test("permissions() grants no file but those of reseed and --audit-file", () => {
  const files = permissions("x86_64")
    .filter(({ name }) => name === "read" || name === "write")
    .flatMap(({ values }) => values);
  assertEquals(
    new Set(files),
    new Set([
      "/etc/machine-id",
      "/etc/machine-id.new",
      "/var/lib/dbus/machine-id",
      "/var/lib/systemd/random-seed",
      "/var/log/cocoon-agent",
    ]),
  );
});

Deno.test("permissionFlags() never leaves a question open", () => {
  assertEquals(
    permissionFlags([
      { name: "env", reason: "" },
      { name: "read", values: ["/a", "/b"], reason: "" },
    ]),
    ["--no-prompt", "--allow-env", "--allow-read=/a,/b"],
  );
});

Deno.test("permissions() let reseed's file operations through, and nothing less does", async (t) => {
  const root = await Deno.makeTempDir();
  try {
    const granted = permissions(Deno.build.arch)
      .filter(({ name }) => name !== "run" && name !== "env")
      .map((permission) => ({
        ...permission,
        values: permission.values!
          .filter((path) => !path.startsWith("/var/log/"))
          .map((path) => permission.name === "ffi" ? path : root + path),
      }));
    const files = granted.flatMap(({ name, values }) =>
      name === "ffi" ? [] : values.map((value) => ({ name, value }))
    );

    await t.step("all of them suffice", async () => {
      assertEquals(await regenerate(root, permissionFlags(granted)), "");
    });
    for (const { name, value } of files) {
      // Removed by reseed itself, which the step isn't about.
      if (value.endsWith("/random-seed")) continue;
      await t.step(
        `without ${name} of ${value.slice(root.length)}`,
        async () => {
          const less = granted.map((permission) =>
            permission.name === name
              ? {
                ...permission,
                values: permission.values.filter((other) => other !== value),
              }
              : permission
          );
          const message = await regenerate(root, permissionFlags(less));
          assertEquals(message.includes(value), true, message);
        },
      );
    }
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

/** Renews a machine id in a process of its own, and returns why it failed. */
async function regenerate(root: string, flags: string[]): Promise<string> {
  await Deno.mkdir(`${root}/etc`, { recursive: true });
  await Deno.mkdir(`${root}/var/lib/dbus`, { recursive: true });
  await Deno.writeTextFile(`${root}/etc/machine-id`, "old\n");
  await Deno.writeTextFile(`${root}/var/lib/dbus/machine-id`, "old\n");
  const module = new URL("../agent/machine_id.ts", import.meta.url).href;
  const program = `import { regenerateMachineId } from ${
    JSON.stringify(module)
  };
    try {
      await regenerateMachineId(${JSON.stringify(root)});
    } catch (error) {
      console.log(error.message);
    }`;
  const script = `${root}/script.ts`;
  await Deno.writeTextFile(script, program);
  const config = new URL("../deno.json", import.meta.url).pathname;
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", `--config=${config}`, ...flags, script],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim();
}
