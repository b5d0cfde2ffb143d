/**
 * A program on the screen of a tmux server of the test's own: what is shown is
 * what a terminal makes of control sequences.
 *
 * @module
 */

import { until } from "./_bounded.ts";
import { processStat } from "./_proc.ts";
import { ENVIRONMENT } from "./_program.ts";
import { text } from "./_wire.ts";

/** Options for {@linkcode Tmux.start}. */
export interface TmuxOptions {
  /** More variables for the program's environment. */
  env?: Readonly<Record<string, string>>;
  /** The screen's size. */
  size?: { readonly rows: number; readonly cols: number };
}

/** A program on a screen. It is killed when it goes out of scope. */
export class Tmux implements AsyncDisposable {
  readonly #folder: string;
  readonly #env: Readonly<Record<string, string>>;
  #pid = 0;

  private constructor(env: Readonly<Record<string, string>>) {
    this.#folder = Deno.makeTempDirSync({ prefix: "tmux-" });
    this.#env = env;
  }

  /**
   * Starts a program on a screen.
   *
   * @param argv The program and its arguments.
   * @param options The options.
   */
  static async start(
    argv: readonly string[],
    options: TmuxOptions = {},
  ): Promise<Tmux> {
    const { env = {}, size = { rows: 24, cols: 80 } } = options;
    const tmux = new Tmux(env);
    try {
      tmux.#pid = Number(
        await tmux.#run(
          ...["-f", "/dev/null", "new-session", "-d", "-P", "-F", "#{pid}"],
          ...["-x", `${size.cols}`, "-y", `${size.rows}`, "--", ...argv],
        ),
      );
      return tmux;
    } catch (error) {
      await Deno.remove(tmux.#folder, { recursive: true });
      throw error;
    }
  }

  /**
   * Presses keys.
   *
   * @param keys Each as tmux(1) names it, such as `C-c` or `Escape`, or text.
   */
  async press(...keys: readonly string[]): Promise<void> {
    await this.#run("send-keys", ...keys);
  }

  /**
   * Gives the screen another size.
   *
   * @param size The size.
   */
  async resize(size: { rows: number; cols: number }): Promise<void> {
    const { rows, cols } = size;
    await this.#run("resize-window", "-x", `${cols}`, "-y", `${rows}`);
  }

  /** Returns what is on the screen, without blanks at the end of lines and all. */
  async screen(): Promise<string> {
    return (await this.#run("capture-pane", "-p")).trimEnd();
  }

  /**
   * Waits until the screen shows something.
   *
   * @param pattern What.
   * @returns What has matched, and its groups.
   */
  async expect(pattern: RegExp): Promise<string[]> {
    let screen = "";
    return await until(
      async () => {
        screen = await this.screen();
        return screen.match(pattern) ?? undefined;
      },
      () => `${pattern} on a screen that shows:\n${screen}`,
    );
  }

  /** Kills the program and the server. */
  async [Symbol.asyncDispose](): Promise<void> {
    const runs = () => !"Z".includes(processStat(this.#pid)?.state ?? "Z");
    if (runs()) Deno.kill(this.#pid, "SIGTERM");
    await until(() => !runs(), "the end of tmux");
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #run(...args: readonly string[]): Promise<string> {
    const { success, stdout, stderr } = await new Deno.Command("tmux", {
      // Not a server that may be around, whose own screen this may be.
      args: ["-u", "-S", `${this.#folder}/socket`, ...args],
      env: { ...ENVIRONMENT, TMUX: "", ...this.#env },
      stdin: "null",
    }).output();
    if (!success) throw new Error(`Cannot run tmux ${args}: ${text(stderr)}`);
    return text(stdout);
  }
}
