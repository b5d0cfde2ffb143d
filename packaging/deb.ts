/**
 * Builds the Debian package of the agent, by dpkg-deb.
 *
 * The package is the same, byte for byte, for the same executable and the same
 * `SOURCE_DATE_EPOCH`, see https://reproducible-builds.org/specs/source-date-epoch/.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { UsageError } from "../cli/command.ts";
import config from "../deno.json" with { type: "json" };
import {
  type Architecture,
  binaryPath,
  findArchitecture,
} from "./architecture.ts";
import { checkExecutable } from "./elf.ts";
import {
  MAINTAINER,
  PACKAGE,
  type PackageFile,
  packageFiles,
  sourcePath,
} from "./package_files.ts";
import { runScript, runTool, type Script, withProgress } from "./_script.ts";

/** The part of the version that is the package's own. */
const REVISION = 1;

const SCRIPT: Script = {
  usage: "deno task deb [--arch amd64|arm64] [--binary FILE] [--out FOLDER]",
  flags: [
    {
      name: "arch",
      value: "ARCH",
      description: "amd64 or arm64 (default: this machine's)",
    },
    {
      name: "binary",
      value: "FILE",
      description: "The executable (default: where the compile task puts it)",
    },
    {
      name: "out",
      value: "FOLDER",
      description: "Where the package is put (default: dist)",
    },
  ],
  async run(flags) {
    const architecture = findArchitecture("debian", flags.get("arch"));
    const binary = flags.get("binary") ?? binaryPath(architecture);
    // Before anything is said about how long it takes.
    await checkExecutable("package", binary, architecture);
    const options: PackageOptions = {
      architecture,
      binary,
      out: flags.get("out") ?? "dist",
      version: `${config.version}-${REVISION}`,
      epoch: sourceDateEpoch(),
    };
    console.log(
      await withProgress(
        "Compressing the package, which takes about a minute",
        () => buildPackage(options),
      ),
    );
  },
};

/** What a package is made of. */
export interface PackageOptions {
  /** What the executable was compiled for. */
  readonly architecture: Architecture;
  /** The executable's path. */
  readonly binary: string;
  /** The folder for the package. */
  readonly out: string;
  /** The package's version, with its revision. */
  readonly version: string;
  /** The time that all its files get, in seconds since 1970. */
  readonly epoch: number;
  /**
   * How its files are compressed. Not at all is for trying it out: it takes no
   * time, and apt installs it the same.
   *
   * @default {"xz"}
   */
  readonly compression?: "xz" | "none";
}

/**
 * Builds the package.
 *
 * @param options What it is made of.
 * @returns The package's path.
 * @throws {ToolError} If the executable is missing or is another machine's, or
 * dpkg-deb fails or isn't installed.
 */
export async function buildPackage(options: PackageOptions): Promise<string> {
  const { architecture, out, version, epoch, compression = "xz" } = options;
  await checkExecutable("package", options.binary, architecture);
  const files = await packageFiles(options);
  const tree = await Deno.makeTempDir({ prefix: "cocoon-agent-deb-" });
  try {
    // It becomes the mode of the guest's root folder.
    await Deno.chmod(tree, 0o755);
    const sums: string[] = [];
    let size = 0;
    for (const file of files) {
      const data = await stage(tree, file);
      size += data.byteLength;
      const sum = createHash("md5").update(data).digest("hex");
      sums.push(`${sum}  ${file.path}\n`);
    }
    const control = controlText(architecture, version, size);
    await stage(tree, {
      path: "DEBIAN/control",
      content: new TextEncoder().encode(control),
    });
    await stage(tree, {
      path: "DEBIAN/md5sums",
      content: new TextEncoder().encode(sums.join("")),
    });
    for (const name of ["postinst", "prerm", "postrm"]) {
      const content = sourcePath(`debian/${name}`);
      await stage(tree, { path: `DEBIAN/${name}`, content, mode: 0o755 });
    }
    await Deno.mkdir(out, { recursive: true });
    const path = `${out}/${PACKAGE}_${version}_${architecture.debian}.deb`;
    await runTool("dpkg-deb", {
      // xz is what Debian's own tools read; other distributions default to others.
      args: ["--root-owner-group", `-Z${compression}`, "--build", tree, path],
      env: { SOURCE_DATE_EPOCH: String(epoch) },
      hint: "install the package dpkg (apt-get install dpkg)",
    });
    return path;
  } finally {
    await Deno.remove(tree, { recursive: true });
  }
}

/**
 * Formats the control file, see deb-control(5).
 *
 * @param architecture What the executable was compiled for.
 * @param version The package's version.
 * @param size How many bytes its files take.
 * @returns The text.
 */
export function controlText(
  architecture: Architecture,
  version: string,
  size: number,
): string {
  return `Package: ${PACKAGE}
Version: ${version}
Architecture: ${architecture.debian}
Maintainer: ${MAINTAINER}
Installed-Size: ${Math.ceil(size / 1024)}
Depends: libc6 (>= 2.34), libgcc-s1
Section: admin
Priority: optional
Description: run commands in a virtual machine over vsock
 The agent runs inside a virtual machine, listens on virtio-vsock, and runs
 commands for callers on the host: with standard streams, exit codes and
 signals, and without a network, an address or credentials.
 .
 The same program is the client on the host. In a virtual machine the agent
 starts at boot.
`;
}

/** Puts a file into the tree, whatever the umask is, and returns its content. */
async function stage(tree: string, file: PackageFile): Promise<Uint8Array> {
  const { content, mode = 0o644 } = file;
  const data = typeof content === "string"
    ? await Deno.readFile(content)
    : content;
  let folder = tree;
  for (const part of file.path.split("/").slice(0, -1)) {
    folder += `/${part}`;
    await Deno.mkdir(folder, { recursive: true });
    await Deno.chmod(folder, 0o755);
  }
  const path = `${tree}/${file.path}`;
  await Deno.writeFile(path, data);
  await Deno.chmod(path, mode);
  return data;
}

function sourceDateEpoch(): number {
  const text = Deno.env.get("SOURCE_DATE_EPOCH");
  if (text === undefined) return Math.floor(Date.now() / 1000);
  if (!/^\d+$/.test(text)) {
    throw new UsageError(
      `SOURCE_DATE_EPOCH must be in seconds since 1970, got "${text}"`,
    );
  }
  return Number(text);
}

if (import.meta.main) await runScript(SCRIPT, Deno.args);
