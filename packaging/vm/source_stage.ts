/**
 * The agent's source in a guest, as the stage `source` of `packaging/Dockerfile`
 * puts it there.
 *
 * @module
 */

import { runTool, ToolError } from "../_script.ts";

const PROJECT = new URL("../..", import.meta.url).pathname;
const STAGE = /^FROM guest AS source\n((?:.*\n)*)/m;

/**
 * Does what the stage's steps say, with this process's own Deno in the place of
 * the one that is downloaded. Its unit is not enabled.
 *
 * @param root The folder that becomes the guest's root.
 * @throws {ToolError} If a step fails, or is none that is known.
 */
export async function runSourceStage(root: string): Promise<void> {
  const dockerfile = await Deno.readTextFile(`${PROJECT}packaging/Dockerfile`);
  const [, steps = ""] = dockerfile.match(STAGE) ?? [];
  let folder = root;
  for (const step of steps.trimEnd().split("\n")) {
    const [instruction, ...args] = step.split(" ");
    const [first = "", ...rest] = args;
    switch (instruction) {
      case "WORKDIR":
        folder = `${root}${first}`;
        await Deno.mkdir(folder, { recursive: true });
        break;
      case "COPY":
        if (first.startsWith("--from=denoland/deno:")) {
          await copy(Deno.execPath(), at(rest[1]!));
        } else {
          const to = at(args.at(-1)!);
          for (const name of args.slice(0, -1)) await copy(PROJECT + name, to);
        }
        break;
      case "RUN":
        if (first === "systemctl") break;
        if (first !== "deno") throw unknownStep(step);
        await runTool(Deno.execPath(), {
          args: [...rest, "--quiet"],
          cwd: folder,
        });
        break;
      default:
        throw unknownStep(step);
    }
  }

  function at(path: string): string {
    return path.startsWith("/") ? `${root}${path}` : `${folder}/${path}`;
  }
}

function unknownStep(step: string): ToolError {
  return new ToolError(`Cannot carry out "${step}" of packaging/Dockerfile`);
}

/** Copies a file, or what is in a folder, as the instruction COPY does. */
async function copy(from: string, to: string): Promise<void> {
  const { isDirectory } = await Deno.stat(from);
  const end = isDirectory ? to.length : to.lastIndexOf("/");
  await Deno.mkdir(to.slice(0, end), { recursive: true });
  const source = isDirectory ? `${from}/.` : from;
  await runTool("cp", { args: ["--recursive", source, to] });
}
