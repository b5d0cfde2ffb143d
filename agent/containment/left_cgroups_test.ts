import {
  assertEquals,
  assertGreater,
  assertLess,
  assertLessOrEqual,
} from "@std/assert";
import { withoutFdLeaks } from "../../ffi/_test_utils.ts";
import { readinessLoop } from "../../ffi/readiness_loop.ts";
import { Errno, OsError } from "../../ffi/errno.ts";
import { bounded, until } from "../../tests/_bounded.ts";
import { Cgroup } from "./cgroup.ts";
import { LeftCgroups } from "./left_cgroups.ts";

/** A temporary folder in the place of the agent's own control group. */
class Root implements Disposable {
  readonly path = Deno.makeTempDirSync();

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** A folder that stands for a control group, and counts how often it is asked. */
class Group extends Cgroup {
  /** How often it was looked at. */
  looks = 0;
  /** How many steps were taken below. */
  steps = 0;
  /** What the next look at it fails with. */
  failure: OsError | undefined;
  #populated = true;

  /**
   * @param root Where.
   * @param name Its name.
   * @param watchable Whether the kernel can tell of it.
   */
  constructor(root: Root, name: string, watchable = true) {
    super(`${root.path}/${name}`);
    Deno.mkdirSync(this.path);
    if (watchable) Deno.writeTextFileSync(this.#events, "");
  }

  /** Whether its folder is there. */
  get exists(): boolean {
    try {
      return Deno.statSync(this.path).isDirectory;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }

  /** Ends what runs in it. */
  end(): this {
    this.#populated = false;
    if (this.#watchable) this.tell();
    return this;
  }

  /** Tells those who watch it that something is new. */
  tell(): void {
    Deno.writeTextFileSync(this.#events, "new");
  }

  override isPopulated(): boolean {
    this.looks++;
    const { failure } = this;
    this.failure = undefined;
    if (failure) throw failure;
    return this.#populated;
  }

  override *removeChildren(): Generator<void> {
    for (const _ of super.removeChildren()) {
      this.steps++;
      yield;
    }
  }

  override remove(): boolean {
    if (this.#populated) return false;
    const isEmpty = [...Deno.readDirSync(this.path)].every((entry) =>
      entry.isFile
    );
    // The kernel's own files are not in the way.
    if (isEmpty && this.#watchable) Deno.removeSync(this.#events);
    return super.remove();
  }

  get #events(): string {
    return `${this.path}/cgroup.events`;
  }

  get #watchable(): boolean {
    return [...Deno.readDirSync(this.path)].some((entry) => entry.isFile);
  }
}

/** Waits until what was due before is done, as this one comes behind. */
async function settle(left: LeftCgroups, root: Root): Promise<void> {
  const last = new Group(root, `last-${crypto.randomUUID()}`);
  left.add(last);
  last.end();
  await until(() => !last.exists, "the last group's end");
}

Deno.test(
  "LeftCgroups looks at the one group in which the last process has ended",
  bounded(async () => {
    using root = new Root();
    await withoutFdLeaks(async () => {
      using left = new LeftCgroups();
      const groups = Array.from(
        { length: 500 },
        (_, index) => new Group(root, `${index}`),
      );
      for (const group of groups) left.add(group);
      const looks = () => groups.reduce((sum, { looks }) => sum + looks, 0);
      await until(() => looks() >= groups.length, "the first looks");
      // Once when it is added, whatever the others do.
      assertEquals(looks(), groups.length);
      groups[250]!.end();
      await until(() => !groups[250]!.exists, "the removal");
      assertLessOrEqual(looks(), groups.length + 2);
      assertEquals(groups.filter((group) => group.exists).length, 499);
    });
  }),
);

Deno.test(
  "LeftCgroups removes what is below in slices, and others have their turn",
  bounded(async () => {
    using root = new Root();
    using left = new LeftCgroups();
    const group = new Group(root, "wide");
    for (let index = 0; index < 2000; index++) {
      Deno.mkdirSync(`${group.path}/${index}`);
    }
    left.add(group.end());
    // Somebody else's group is gone at once meanwhile.
    const other = new Group(root, "other");
    left.add(other.end());
    assertEquals(other.exists, false);
    let most = 0;
    let turns = 0;
    for (let before = group.steps; group.exists; before = group.steps) {
      await readinessLoop.nextTurn();
      turns++;
      most = Math.max(most, group.steps - before);
    }
    assertGreater(turns, 20);
    assertLess(most, 100);
  }),
);

Deno.test(
  "LeftCgroups leaves others their turn when many groups end at once",
  bounded(async () => {
    using root = new Root();
    using left = new LeftCgroups();
    const groups = Array.from(
      { length: 1000 },
      (_, index) => new Group(root, `${index}`),
    );
    for (const group of groups) left.add(group);
    await settle(left, root);
    for (const group of groups) group.end();
    let turns = 0;
    while (groups.some((group) => group.exists)) {
      await readinessLoop.nextTurn();
      turns++;
    }
    assertGreater(turns, groups.length / 100);
  }),
);

Deno.test(
  "LeftCgroups gives a group up after so many steps, without looking again",
  bounded(async () => {
    using root = new Root();
    await withoutFdLeaks(async () => {
      using left = new LeftCgroups();
      const group = new Group(root, "endless");
      // What isn't a folder is not removed, so that there is no end.
      Deno.mkdirSync(`${group.path}/a`);
      Deno.writeTextFileSync(`${group.path}/a/file`, "");
      left.add(group.end());
      await settle(left, root);
      assertEquals(group.steps, 10_000);
      group.tell();
      await settle(left, root);
      assertEquals(group.steps, 10_000);
    });
  }),
);

Deno.test(
  "LeftCgroups keeps a group that it lacked a descriptor to look at",
  bounded(async () => {
    using root = new Root();
    using left = new LeftCgroups();
    const group = new Group(root, "short");
    group.failure = new OsError(Errno.EMFILE, "open");
    left.add(group);
    await until(() => group.looks > 0, "the look");
    group.end();
    await until(() => !group.exists, "the removal");
  }),
);

Deno.test(
  "LeftCgroups looks at groups that cannot be watched when later ones end",
  bounded(async () => {
    using root = new Root();
    await withoutFdLeaks(async () => {
      using left = new LeftCgroups();
      const groups = Array.from(
        { length: 6 },
        (_, index) => new Group(root, `${index}`, false),
      );
      for (const group of groups) left.add(group);
      const looks = () => groups.reduce((sum, { looks }) => sum + looks, 0);
      await settle(left, root);
      const before = looks();
      // Two with each that ends, however many there are.
      await settle(left, root);
      assertEquals(looks(), before + 2);
      for (const group of groups) group.end();
      for (let ended = 0; ended < 3; ended++) await settle(left, root);
      assertEquals(groups.filter((group) => group.exists), []);
    });
  }),
);
