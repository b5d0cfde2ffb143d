import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  isIgnored,
  isSignalName,
  signalName,
  signalNumber,
} from "./signals.ts";

Deno.test("signalName() and signalNumber() agree with the shell", async () => {
  const { stdout } = await new Deno.Command("bash", {
    args: ["-c", "for n in {1..31}; do kill -l $n; done"],
  }).output();
  const names = new TextDecoder().decode(stdout).trim().split("\n");
  names.forEach((name, index) => {
    assert(isSignalName(`SIG${name}`));
    assertEquals(signalName(index + 1), `SIG${name}`);
    assertEquals(signalNumber(`SIG${name}` as Deno.Signal), index + 1);
  });
});

Deno.test("signalName() counts real-time signals from the first", () => {
  assertEquals(signalName(34), "SIGRTMIN+0");
  assertEquals(signalName(64), "SIGRTMIN+30");
});

Deno.test("isSignalName() and signalNumber() refuse what is no signal", () => {
  for (const name of ["", "SIG", "TERM", "sigterm", "SIGNOPE", "9", "SIG32"]) {
    assert(!isSignalName(name), name);
    assertThrows(
      () => signalNumber(name as Deno.Signal),
      TypeError,
      JSON.stringify(name),
    );
  }
});

Deno.test("isIgnored() tells how the process was started", async () => {
  const module = new URL("signals.ts", import.meta.url).href;
  const script = `import { isIgnored } from "${module}";
    console.log(["SIGHUP", "SIGINT"].map((signal) => isIgnored(signal)).join());`;
  const { stdout } = await new Deno.Command("sh", {
    args: [
      ...["-c", "trap '' HUP; exec \"$@\"", "sh", Deno.execPath()],
      ...["eval", script],
    ],
  }).output();
  assertEquals(new TextDecoder().decode(stdout), "true,false\n");
  assertEquals(isIgnored("SIGTERM"), false);
});
