/**
 * What the tests of this folder share.
 *
 * @module
 */

/**
 * Returns whether a tool is installed.
 *
 * @param tool The tool's name.
 */
export async function isInstalled(tool: string): Promise<boolean> {
  try {
    await new Deno.Command(tool, { args: ["--version"] }).output();
    return true;
  } catch {
    return false;
  }
}
