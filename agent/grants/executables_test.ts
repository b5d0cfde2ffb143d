import { assertEquals } from "@std/assert";
import { findInterpreter } from "../../ffi/interpreter.ts";
import { realPath } from "../../ffi/program.ts";
import { findExecutables } from "./executables.ts";

/** A folder with programs in it. */
class Programs implements Disposable {
  readonly path = Deno.realPathSync(Deno.makeTempDirSync());

  add(name: string, contents: string): string {
    const path = `${this.path}/${name}`;
    Deno.writeTextFileSync(path, contents, { mode: 0o755 });
    return path;
  }

  find(...names: string[]) {
    return findExecutables(names, `${this.path}:/usr/bin:/bin`);
  }

  [Symbol.dispose]() {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** A program of this machine's with its loader, if it has one. */
function filesOf(path: string): string[] {
  const loader = findInterpreter(realPath(path))?.path;
  return [realPath(path), ...(loader ? [realPath(loader)] : [])];
}

Deno.test("findExecutables() follows links, and adds the loader", () => {
  using programs = new Programs();
  Deno.symlinkSync("/bin/cat", `${programs.path}/a`);
  Deno.symlinkSync("a", `${programs.path}/b`);
  assertEquals(programs.find("b"), {
    files: filesOf("/bin/cat"),
    warnings: [],
  });
});

Deno.test("findExecutables() adds what runs a script, and what runs that", () => {
  using programs = new Programs();
  const first = programs.add("first", "#!/bin/sh\n");
  const second = programs.add("second", `#! ${first} -x\n`);
  assertEquals(programs.find("second"), {
    files: [second, first, ...filesOf("/bin/sh")],
    warnings: [],
  });
});

Deno.test("findExecutables() adds what env looks up", () => {
  for (const argument of ["tool", "-S tool -x", "-S A=b tool c=d", "-i tool"]) {
    using programs = new Programs();
    const tool = programs.add("tool", "#!/bin/sh\n");
    const script = programs.add("script", `#!/usr/bin/env ${argument}\n`);
    const { files, warnings } = programs.find("script");
    assertEquals(warnings, []);
    assertEquals(
      files.toSorted(),
      [
        ...new Set([
          ...[script, tool, ...filesOf("/usr/bin/env")],
          ...filesOf("/bin/sh"),
        ]),
      ].toSorted(),
    );
  }
});

Deno.test("findExecutables() ends where scripts run each other", () => {
  using programs = new Programs();
  const first = programs.add("first", `#!${programs.path}/second\n`);
  const second = programs.add("second", `#!${first}\n`);
  assertEquals(programs.find("first"), {
    files: [first, second],
    warnings: [],
  });
});

Deno.test("findExecutables() warns of what isn't there or isn't known", () => {
  using programs = new Programs();
  const lost = programs.add("lost", "#!/nonexistent\n");
  const text = programs.add("text", "echo hi\n");
  const moving = programs.add("moving", "#!tool\n");
  const { files, warnings } = programs.find(
    "missing",
    "lost",
    "text",
    "moving",
  );
  assertEquals(files, [lost, text, moving]);
  assertEquals(warnings, [
    '"missing" will be refused until the agent is started again: Cannot run "missing": No such file or directory (ENOENT)',
    `"/nonexistent", which "${lost}" needs, will be refused until the agent is started again: Cannot run "/nonexistent": No such file or directory (ENOENT)`,
    `Whatever runs "${text}" will be refused: Cannot parse an ELF header: it isn't there`,
    `Whatever runs "${moving}" will be refused: its interpreter "tool" depends on the folder`,
  ]);
});

Deno.test("findExecutables() warns of a file that holds many programs", () => {
  using programs = new Programs();
  const busybox = programs.add("busybox", "#!/bin/sh\n");
  Deno.symlinkSync("busybox", `${programs.path}/vi`);
  const { files, warnings } = programs.find("vi");
  assertEquals(files, [busybox, ...filesOf("/bin/sh")]);
  assertEquals(warnings, [
    `"vi" is one of many programs in "${busybox}": all of them may be executed`,
  ]);
});
