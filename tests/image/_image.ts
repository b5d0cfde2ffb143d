/**
 * A Debian with the agent's package in it, to boot as a guest.
 *
 * @module
 */

import { findArchitecture } from "../../packaging/architecture.ts";
import { compileIfStale } from "../../packaging/compile.ts";
import { buildPackage } from "../../packaging/deb.ts";
import { chooseAccelerator } from "../../packaging/vm/accelerator.ts";
import { buildDebianImage } from "../../packaging/vm/debian_image.ts";
import { runSourceStage } from "../../packaging/vm/source_stage.ts";
import {
  FAKEROOT,
  MKE2FS,
  MMDEBSTRAP,
  QEMU,
  requireTools,
  SETPRIV,
  VHOST_USER_VSOCK,
} from "../../packaging/tools.ts";
import { BINARY, SOURCES } from "../_program.ts";
import type { BootFiles } from "../vm/_guest.ts";

/** How much memory the guest has, in MiB. */
const MEMORY = 768;
const SOURCE_UNIT = "cocoon-agent-deno.service";

/**
 * Makes what the guest boots: the package of the compiled agent is installed by
 * apt, and the agent's source lies beside it with Deno and its unit.
 */
export async function imageFiles(): Promise<BootFiles> {
  requireTools("build and boot a Debian guest", [
    ...[MMDEBSTRAP, FAKEROOT, MKE2FS],
    ...[QEMU, SETPRIV, VHOST_USER_VSOCK],
  ]);
  const folder = await Deno.makeTempDir({ prefix: "image-" });
  try {
    const deb = await buildPackage({
      architecture: findArchitecture("debian", "amd64"),
      binary: BINARY ?? await compileIfStale(),
      out: folder,
      version: "0-0",
      epoch: 0,
      compression: "none",
    });
    const overlay = `${folder}/overlay`;
    const units = `${overlay}/usr/lib/systemd/system`;
    await Deno.mkdir(units, { recursive: true });
    await Deno.copyFile(
      `${SOURCES}packaging/${SOURCE_UNIT}`,
      `${units}/${SOURCE_UNIT}`,
    );
    await runSourceStage(overlay);
    const image = await buildDebianImage({ deb, overlay, folder });
    const { accelerator } = await chooseAccelerator(image.kernel);
    return {
      ...image,
      folder,
      accelerator,
      memory: MEMORY,
      [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }),
    };
  } catch (error) {
    await Deno.remove(folder, { recursive: true });
    throw error;
  }
}
