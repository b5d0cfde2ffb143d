/**
 * OpenSSH with a connection that is there already, which is what many would take
 * instead: a server and keys of its own, on the loopback interface.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { findProgram } from "../ffi/program.ts";
import { SBIN_PATH } from "../packaging/tools.ts";
import { until } from "../tests/_bounded.ts";
import { requireOrSkip, type Run, skip, SSH, SSHD } from "./run.ts";

/** A connection that is there already. */
export interface SharedConnection {
  /**
   * Returns the command that runs another one through it.
   *
   * @param command The command, a line for the shell.
   */
  command(command: string): string[];
}

/**
 * Starts a server and connects to it.
 *
 * @param run The run, with which it ends.
 * @returns The connection, or `undefined` if there can be none, which the run
 * then says.
 */
export async function openSharedConnection(
  run: Run,
): Promise<SharedConnection | undefined> {
  if (!requireOrSkip(run, "OpenSSH", SSH, SSHD)) return undefined;
  return await (connections.get(run) ?? remember(run));
}

const connections = new WeakMap<Run, Promise<SharedConnection | undefined>>();

function remember(run: Run): Promise<SharedConnection | undefined> {
  const connection = connect(run);
  connections.set(run, connection);
  return connection;
}

async function connect(run: Run): Promise<SharedConnection | undefined> {
  const folder = `${run.folder}/ssh`;
  await Deno.mkdir(folder, { mode: 0o700 });
  for (const name of ["host_key", "key"]) {
    await run.jobs.run([
      ...["ssh-keygen", "-q", "-t", "ed25519", "-N", ""],
      ...["-C", "", "-f", `${folder}/${name}`],
    ]);
  }
  await Deno.copyFile(`${folder}/key.pub`, `${folder}/authorized_keys`);
  const port = freePort();
  const path = `${Deno.env.get("PATH") ?? ""}:${SBIN_PATH}`;
  const log = `${folder}/log`;
  const control = `${folder}/control`;
  const settings = (options: Record<string, string | number>) =>
    Object.entries(options).flatMap(([name, value]) => [
      "-o",
      `${name}=${value}`,
    ]);
  // It starts itself again for each connection, and wants to know its path.
  const server = run.jobs.start([
    ...[findProgram("sshd", path), "-D", "-E", log, "-f", "/dev/null"],
    ...settings({
      ListenAddress: `127.0.0.1:${port}`,
      HostKey: `${folder}/host_key`,
      AuthorizedKeysFile: `${folder}/authorized_keys`,
      PidFile: "none",
      StrictModes: "no",
      PasswordAuthentication: "no",
      PermitRootLogin: "prohibit-password",
      // A shell would read what the user has in their start-up files.
      SetEnv: `HOME=${folder}`,
    }),
  ], { stderr: "null" });
  const common = ["ssh", "-F", "none", "-S", control, "-p", String(port)];
  const master = run.jobs.start([
    ...[...common, "-M", "-N", "-i", `${folder}/key`],
    ...settings({
      BatchMode: "yes",
      ConnectionAttempts: 5,
      IdentitiesOnly: "yes",
      StrictHostKeyChecking: "no",
      UserKnownHostsFile: "/dev/null",
      LogLevel: "ERROR",
    }),
    "127.0.0.1",
  ], { stderr: "null" });
  const up = await until(
    () =>
      existsSync(control) ? "yes" : server.over || master.over ? "no" : false,
    "a shared connection of OpenSSH",
  ).catch(() => "no");
  if (up === "no") {
    const said = await Deno.readTextFile(log).catch(() => "");
    skip(
      run,
      "OpenSSH",
      `no connection to a server on 127.0.0.1; it said: ${
        said.trim().split("\n").at(-1) || "nothing"
      }`,
    );
    await Promise.all([server.end(), master.end()]);
    return undefined;
  }
  return { command: (command) => [...common, "127.0.0.1", command] };
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
