/**
 * The files of the Debian package.
 *
 * @module
 */

import { gzipSync } from "node:zlib";
import {
  completionScript,
  type Shell,
} from "../cli/completion/completion_command.ts";
import { COMMANDS } from "../main.ts";
import { SCHEMA_PATH } from "./policy_schema.ts";

/** The package's name. */
export const PACKAGE = "cocoon-agent";
/** Whom it is from. */
export const MAINTAINER = "The cocoon-agent authors <cocoon-agent@example.org>";
/** Where each shell looks for what completes a program's command line. */
const COMPLETIONS: Readonly<Record<Shell, string>> = {
  bash: `usr/share/bash-completion/completions/${PACKAGE}`,
  zsh: `usr/share/zsh/vendor-completions/_${PACKAGE}`,
  fish: `usr/share/fish/vendor_completions.d/${PACKAGE}.fish`,
};

/** A file of the package. */
export interface PackageFile {
  /** Its path in the guest, without the slash in front. */
  readonly path: string;
  /** What is in it, or the path of what is. */
  readonly content: Uint8Array | string;
  /** Its mode, `0o644` by default. */
  readonly mode?: number;
}

/**
 * Formats the changelog, see deb-changelog(5): the package is built from the
 * source without one, so that it names this version only.
 *
 * @param version The package's version.
 * @param epoch When it was built, in seconds since 1970.
 * @returns The text.
 */
export function changelogText(version: string, epoch: number): string {
  const date = new Date(epoch * 1000).toUTCString().replace("GMT", "+0000");
  return `${PACKAGE} (${version}) unstable; urgency=medium

  * Version ${version.replace(/-\d+$/, "")}.

 -- ${MAINTAINER}  ${date}
`;
}

/** What the files depend on. */
export interface PackageFilesOptions {
  /** The executable's path. */
  readonly binary: string;
  /** The package's version, with its revision. */
  readonly version: string;
  /** When it was built, in seconds since 1970. */
  readonly epoch: number;
}

/**
 * Returns the files of the package.
 *
 * @param options What they depend on.
 * @returns The files.
 */
export async function packageFiles(
  options: PackageFilesOptions,
): Promise<PackageFile[]> {
  const changelog = changelogText(options.version, options.epoch);
  const completions = Object.entries(COMPLETIONS).map(
    async ([shell, path]): Promise<PackageFile> => {
      const script = await completionScript(shell as Shell, COMMANDS);
      return { path, content: new TextEncoder().encode(script) };
    },
  );
  const docs = `usr/share/doc/${PACKAGE}`;
  return [
    {
      path: `usr/bin/${PACKAGE}`,
      content: options.binary,
      mode: 0o755,
    },
    {
      path: `usr/lib/systemd/system/${PACKAGE}.service`,
      content: sourcePath(`${PACKAGE}.service`),
    },
    {
      path: `${docs}/changelog.Debian.gz`,
      content: compress(new TextEncoder().encode(changelog)),
    },
    { path: `${docs}/copyright`, content: sourcePath("debian/copyright") },
    {
      path: `${docs}/examples/${PACKAGE}-restricted.conf`,
      content: sourcePath(`${PACKAGE}-restricted.conf`),
    },
    {
      path: `${docs}/examples/policy.json`,
      content: sourcePath("policy.json"),
    },
    {
      path: `${docs}/examples/policy.schema.json`,
      content: SCHEMA_PATH.pathname,
    },
    {
      path: `usr/share/lintian/overrides/${PACKAGE}`,
      content: sourcePath("debian/lintian-overrides"),
    },
    {
      path: `usr/share/man/man1/${PACKAGE}.1.gz`,
      content: compress(Deno.readFileSync(sourcePath(`${PACKAGE}.1`))),
    },
    ...await Promise.all(completions),
  ];
}

/** Compresses without a time or a name in it, as policy wants it. */
function compress(data: Uint8Array): Uint8Array {
  return new Uint8Array(gzipSync(data, { level: 9 }));
}

/**
 * Returns the path of a file of this folder.
 *
 * @param name The file's name.
 */
export function sourcePath(name: string): string {
  return new URL(name, import.meta.url).pathname;
}
