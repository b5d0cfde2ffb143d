/**
 * Single files out of npm packages.
 *
 * @module
 */

import { runTool } from "./_script.ts";

/**
 * Downloads a package and takes a file out of it.
 *
 * @param spec The package with its version, such as `deno@2.9.6`.
 * @param file The file's path in the archive, such as `package/deno`.
 * @param folder The folder for the archive and for what is taken out of it.
 * @returns The paths of both.
 * @throws {ToolError} If it cannot be downloaded, or has no such file.
 */
export async function unpackNpmFile(
  spec: string,
  file: string,
  folder: string,
): Promise<{ archive: string; path: string }> {
  await runTool("npm", {
    args: ["pack", "--silent", `--pack-destination=${folder}`, spec],
    hint: "it comes with Node.js",
    remedy: `it downloads "${spec}" from the npm registry`,
  });
  const [name] = Array.from(Deno.readDirSync(folder))
    .filter(({ name }) => name.endsWith(".tgz"));
  const archive = `${folder}/${name!.name}`;
  await runTool("tar", { args: ["-xzf", archive, "-C", folder, file] });
  return { archive, path: `${folder}/${file}` };
}
