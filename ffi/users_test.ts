import { assert, assertEquals, assertRejects } from "@std/assert";
import { findGroup, findUser } from "./users.ts";

async function run(program: string, ...args: string[]): Promise<string> {
  const { stdout, stderr, success } = await new Deno.Command(program, { args })
    .output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** The lines of a database of the system's, split into their fields. */
async function entries(database: "passwd" | "group"): Promise<string[][]> {
  const lines = (await run("getent", database)).trim().split("\n");
  return lines.map((line) => line.split(":"));
}

Deno.test("findUser() agrees with getent", async () => {
  const byUid = new Map<string, string>();
  for (const fields of await entries("passwd")) {
    const [name, , uid, gid, , home, shell] = fields as [string, ...string[]];
    const user = await findUser(name);
    assertEquals(user, {
      name,
      uid: Number(uid),
      gid: Number(gid),
      home: home!,
      shell: shell!,
    });
    if (!byUid.has(uid!)) byUid.set(uid!, name);
  }
  assert(byUid.size > 0);
  for (const [uid, name] of byUid) {
    assertEquals((await findUser(uid))?.name, name);
  }
});

Deno.test("findGroup() agrees with getent", async () => {
  for (const [name, , gid] of await entries("group")) {
    assertEquals(await findGroup(name!), Number(gid));
  }
});

Deno.test("findUser() and findGroup() return undefined when there is none", async () => {
  const names = ["", "no such name", "é", "-1", "0x0", " 0", "1e0"];
  const ids = ["4000000000", "4294967295", "4294967296", "9".repeat(30)];
  for (const text of [...names, ...ids]) {
    assertEquals(await findUser(text), undefined, text);
    assertEquals(await findGroup(text), undefined, text);
  }
});

Deno.test("findUser() and findGroup() reject when the name holds a NUL", async () => {
  for (const find of [findUser, findGroup]) {
    await assertRejects(() => find("root\0"), TypeError, "it holds a NUL");
  }
});

async function hasNamespaces(): Promise<boolean> {
  const args = ["--map-root-user", "--mount", "true"];
  try {
    return (await new Deno.Command("unshare", { args }).output()).success;
  } catch {
    return false;
  }
}

Deno.test({
  name: "findUser() and findGroup() find strange entries in the databases",
  ignore: !await hasNamespaces(),
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const members = Array.from({ length: 20_000 }, (_, i) => `member${i}`);
      const longHome = `/${"x".repeat(3000)}`;
      await Deno.writeTextFile(
        `${folder}/passwd`,
        [
          "root:x:0:0::/root:/bin/sh",
          "1000:x:7:8:digits:/home/7:/bin/sh",
          "other:x:1000:4294967294::/home/other:",
          `long:x:9:9::${longHome}:/bin/sh`,
          "",
        ].join("\n"),
      );
      await Deno.writeTextFile(
        `${folder}/group`,
        `root:x:0:\n50:x:51:\nbig:x:50:${members}\n`,
      );
      const script = `
        const { findUser, findGroup } =
          await import("${import.meta.resolve("./users.ts")}");
        const names = ["root", "1000", "7", "other", "long"];
        const users = await Promise.all(names.map(findUser));
        const groups = await Promise.all(["big", "50"].map(findGroup));
        console.log(JSON.stringify({ users, groups }));`;
      const result = await run(
        ...["unshare", "--map-root-user", "--mount", "sh", "-c"] as const,
        `mount --bind "$1/passwd" /etc/passwd &&
          mount --bind "$1/group" /etc/group && exec "$2" eval --no-check "$3"`,
        ...["sh", folder, Deno.execPath(), script],
      );
      const digits = {
        ...{ name: "1000", uid: 7, gid: 8 },
        ...{ home: "/home/7", shell: "/bin/sh" },
      };
      assertEquals(JSON.parse(result), {
        users: [
          { name: "root", uid: 0, gid: 0, home: "/root", shell: "/bin/sh" },
          digits,
          digits,
          {
            ...{ name: "other", uid: 1000, gid: 4294967294 },
            ...{ home: "/home/other", shell: "" },
          },
          { name: "long", uid: 9, gid: 9, home: longHome, shell: "/bin/sh" },
        ],
        groups: [50, 51],
      });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
