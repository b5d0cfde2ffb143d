/**
 * The guest's machine id, see machine-id(5).
 *
 * @module
 */

import { kernelRandom } from "../ffi/entropy.ts";

/**
 * Gives the guest a fresh random machine id: `/etc/machine-id` is replaced
 * atomically, and a copy that D-Bus keeps is removed. A D-Bus id that is a
 * symbolic link follows by itself, and stays.
 *
 * `systemd-machine-id-setup` is no help here: in a virtual machine it derives
 * the id from the firmware's UUID, which all clones of a snapshot share.
 *
 * @param root The folder that holds `etc` and `var`.
 * @throws {Error} If a file cannot be written or removed.
 */
export async function regenerateMachineId(root: string): Promise<void> {
  const path = `${root}/etc/machine-id`;
  const temporary = `${path}.new`;
  const id = Array.from(
    kernelRandom(16),
    (byte) => byte.toString(16).padStart(2, "0"),
  ).join("");

  await removeIfPresent(temporary);
  try {
    using file = await Deno.open(temporary, {
      write: true,
      createNew: true,
      mode: 0o444,
    });
    await file.write(new TextEncoder().encode(`${id}\n`));
    await file.sync();
    await Deno.rename(temporary, path);
  } catch (error) {
    await removeIfPresent(temporary).catch(() => {});
    throw error;
  }

  const copy = `${root}/var/lib/dbus/machine-id`;
  if (await isRegularFile(copy)) await Deno.remove(copy);
}

/**
 * Removes a file; a missing one is no error.
 *
 * @param path The file's path.
 * @throws {Error} If the file is there and cannot be removed.
 */
export async function removeIfPresent(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function isRegularFile(path: string): Promise<boolean> {
  try {
    return (await Deno.lstat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
