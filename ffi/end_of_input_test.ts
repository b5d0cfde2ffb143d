import { assertEquals } from "@std/assert";
import { until } from "./_test_utils.ts";
import {
  type EndableTerminal,
  type EndCharacter,
  EndOfInput,
} from "./end_of_input.ts";

const RAW: EndCharacter = { code: 4, byLines: false };
const COOKED: EndCharacter = { code: 4, byLines: true };

/** A terminal on which a program reads everything at once. */
class FakeTerminal implements EndableTerminal {
  typed: number[] = [];
  end: EndCharacter | undefined = RAW;
  group = 1;
  midLine = false;
  unread: boolean | undefined = false;
  readonly #end = new EndOfInput(this);

  hasUnread(): boolean | undefined {
    return this.unread;
  }

  endOfInput(): EndCharacter | undefined {
    return this.end;
  }

  foregroundGroup(): number {
    return this.group;
  }

  type(character: number): void {
    this.typed.push(character);
    if (character === 13) this.midLine = false;
    this.#end.notice();
  }

  /** Lets time pass until so much was typed. */
  async untilTyped(count: number): Promise<void> {
    await until(() => this.typed.length >= count, 20_000);
  }

  [Symbol.dispose](): void {
    this.#end.stop();
  }
}

/** For longer than a pause of {@linkcode EndOfInput}'s that is not a growing one. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 200));
}

Deno.test("EndOfInput types a few bytes for a program that reads them, and as many for the next", async () => {
  using terminal = new FakeTerminal();
  const ends = Array(8).fill(4);
  await terminal.untilTyped(8);
  await settle();
  assertEquals(terminal.typed, ends);
  terminal.group = 2;
  terminal.type(4);
  await terminal.untilTyped(17);
  await settle();
  assertEquals(terminal.typed.length, 17);
});

Deno.test("EndOfInput ends a line that was begun after the first bytes", async () => {
  using terminal = new FakeTerminal();
  terminal.midLine = true;
  await terminal.untilTyped(6);
  assertEquals(terminal.typed.slice(0, 6), [4, 4, 4, 13, 4, 4]);
});

Deno.test("EndOfInput types on for those who read by lines", async () => {
  using terminal = new FakeTerminal();
  terminal.end = COOKED;
  await terminal.untilTyped(20);
  assertEquals(terminal.typed, Array(terminal.typed.length).fill(4));
});

Deno.test("EndOfInput types no more than a few where it can't tell what was read", async () => {
  using terminal = new FakeTerminal();
  terminal.end = COOKED;
  terminal.unread = undefined;
  await terminal.untilTyped(8);
  await settle();
  assertEquals(terminal.typed.length, 8);
});

Deno.test("EndOfInput types nothing while something waits, or where nothing ends the input", async () => {
  using terminal = new FakeTerminal();
  terminal.unread = true;
  await settle();
  terminal.unread = false;
  terminal.end = undefined;
  await settle();
  assertEquals(terminal.typed, []);
  // No event has told that the typed character was thrown away.
  terminal.end = COOKED;
  await terminal.untilTyped(1);
});
