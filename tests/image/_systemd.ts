/**
 * The agent's units as the guest's systemd sees them.
 *
 * @module
 */

import type { Target } from "../../client/mod.ts";
import { until } from "../_bounded.ts";
import { sh } from "../vm/_shell.ts";

/** A unit in a guest. */
export class Unit {
  /** The unit's name. */
  readonly name: string;
  readonly #target: Target;

  /**
   * @param name The unit's name.
   * @param target An agent in the guest, by which it is looked at.
   */
  constructor(name: string, target: Target) {
    this.name = name;
    this.#target = target;
  }

  /**
   * Carries out a command of systemctl to its end.
   *
   * @param verb The command, such as `stop`.
   */
  async control(verb: string): Promise<void> {
    await sh(this.#target, `systemctl ${verb} "$1"`, this.name);
  }

  /**
   * Returns properties as `systemctl show` has them.
   *
   * @param names The names of the properties.
   */
  async show<Name extends string>(
    ...names: readonly Name[]
  ): Promise<Record<Name, string>> {
    const text = await sh(
      this.#target,
      'systemctl show --property="$1" "$2"',
      names.join(),
      this.name,
    );
    const pairs = text.split("\n").map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)];
    });
    return Object.fromEntries(pairs);
  }

  /** Returns its main process. */
  async mainPid(): Promise<number> {
    return Number((await this.show("MainPID")).MainPID);
  }

  /** Returns all of its processes, those in the groups below its own as well. */
  async processes(): Promise<number[]> {
    const { ControlGroup } = await this.show("ControlGroup");
    if (ControlGroup === "") return [];
    const text = await sh(
      this.#target,
      'find "/sys/fs/cgroup$1" -name cgroup.procs -exec cat {} +',
      ControlGroup,
    );
    return text.split("\n").filter((line) => line !== "").map(Number);
  }

  /** Returns the names of the control groups right below its own. */
  async groups(): Promise<string[]> {
    const { ControlGroup } = await this.show("ControlGroup");
    const text = await sh(
      this.#target,
      'cd "/sys/fs/cgroup$1" && ls -d */',
      ControlGroup,
    );
    return text.split("\n").map((line) => line.slice(0, -1));
  }

  /** Returns the score that `systemd-analyze security` gives it. */
  async exposure(): Promise<string> {
    const text = await sh(
      this.#target,
      'systemd-analyze security --no-pager "$1" | tail -n 1',
      this.name,
    );
    return text.trim();
  }

  /**
   * Waits for the record at the end of a command that the unit has run, or refused
   * to.
   *
   * @param isIt Whether it is this one, by its program and its arguments.
   * @returns The record.
   */
  async commandRecord(
    isIt: (command: string) => boolean,
  ): Promise<JournalEntry> {
    return await until(
      async () => {
        const entries = await this.#readJournal();
        return entries.find(({ record }) =>
          record["event"] === "end" && Array.isArray(record["argv"]) &&
          isIt(record["argv"].join(" "))
        );
      },
      () => `a command's record in the journal of ${this.name}`,
    );
  }

  /** Returns what the unit itself has logged. */
  async #readJournal(): Promise<JournalEntry[]> {
    // --all: also what is long. --merge: by default journalctl looks for the
    // machine id that journald found when it started, which a reseed has changed.
    const text = await sh(
      this.#target,
      `journalctl --all --merge --output=json --lines=50 \
        _SYSTEMD_UNIT="$1" _TRANSPORT=stdout`,
      this.name,
    );
    return text.split("\n").filter((line) => line !== "").map(parseEntry);
  }
}

/** An entry of the journal. */
export interface JournalEntry {
  /** The priority, as a number. */
  readonly priority: string;
  /** Who logged it. */
  readonly identifier: string;
  /** The message, parsed; nothing in it if it is no JSON. */
  readonly record: Readonly<Record<string, unknown>>;
}

function parseEntry(line: string): JournalEntry {
  const entry = JSON.parse(line);
  return {
    priority: entry.PRIORITY,
    identifier: entry.SYSLOG_IDENTIFIER,
    record: parseRecord(entry.MESSAGE),
  };
}

function parseRecord(message: string): JournalEntry["record"] {
  try {
    return JSON.parse(message);
  } catch {
    return {};
  }
}
