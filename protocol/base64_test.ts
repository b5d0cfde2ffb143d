import { assertEquals, assertThrows } from "@std/assert";
import {
  importBase64WithoutBuiltIns,
  outcome,
  referenceDecodeBase64,
} from "./_test_utils.ts";
import * as base64 from "./base64.ts";

const implementations = [
  ["", base64],
  [" on Buffer", await importBase64WithoutBuiltIns()],
] as const;

for (const [name, { decodeBase64, encodeBase64 }] of implementations) {
  Deno.test(`encodeBase64()${name} pads as RFC 4648 does`, () => {
    const encode = (text: string) =>
      encodeBase64(new TextEncoder().encode(text));

    assertEquals(encode(""), "");
    assertEquals(encode("f"), "Zg==");
    assertEquals(encode("fo"), "Zm8=");
    assertEquals(encode("foo"), "Zm9v");
    assertEquals(encode("foobar"), "Zm9vYmFy");
  });

  Deno.test(`encodeBase64()${name} uses the standard alphabet`, () => {
    assertEquals(encodeBase64(new Uint8Array([0xfb, 0xff, 0xbf])), "+/+/");
  });

  Deno.test(`encodeBase64()${name} keeps to the view`, () => {
    const bytes = new Uint8Array([1, 104, 105, 2]);

    assertEquals(encodeBase64(bytes.subarray(1, 3)), "aGk=");
  });

  Deno.test(`decodeBase64()${name} decodes 3 MiB`, () => {
    const bytes = new Uint8Array(3 * 1024 * 1024).map((_, index) => index * 7);
    const decoded = decodeBase64(encodeBase64(bytes));

    assertEquals(decoded.length, bytes.length);
    assertEquals(decoded.every((byte, index) => byte === bytes[index]), true);
  });

  Deno.test(`decodeBase64()${name} tolerates bits left over`, () => {
    assertEquals(decodeBase64("aGl="), new Uint8Array([104, 105]));
    assertEquals(decodeBase64("aH=="), new Uint8Array([104]));
  });

  Deno.test(`decodeBase64()${name} throws when the length is wrong`, () => {
    for (const text of ["a", "aG", "aGk", "aGk=a", "aGk==", "="]) {
      assertThrows(
        () => decodeBase64(text),
        SyntaxError,
        `Cannot decode base64: length ${text.length} is not a multiple of 4`,
      );
    }
  });

  Deno.test(`decodeBase64()${name} throws when a character is wrong`, () => {
    const texts = [
      ["-_-_", "+-+/", "+_+/", "aGk,", "aG\\k", "{}[]"],
      ["aGk ", " aGk", "aG k", "aG =", "a G=", "aGk\n", "aGkAaG\r\n", "    "],
      ["aGk\0", "aGk\u012b", "aGké", "aG\ud83d\ude00", "aGk\ufeff"],
      ["====", "a===", "=aaa", "aa=a", "aGk=aGk=", "aa==aaaa", "AAAAA==="],
    ].flat();
    for (const text of texts) {
      assertThrows(
        () => decodeBase64(text),
        SyntaxError,
        "Cannot decode base64: invalid character or padding",
        JSON.stringify(text),
      );
    }
  });

  Deno.test(`decodeBase64()${name} agrees with atob() when a character below U+0200 stands anywhere`, () => {
    for (let unit = 0; unit < 0x200; unit++) {
      const char = String.fromCharCode(unit);
      for (const text of [`${char}AAA`, `AAA${char}`, `AA${char}=`]) {
        assertEquals(
          outcome(() => decodeBase64(text), SyntaxError),
          outcome(() => referenceDecodeBase64(text), SyntaxError),
          JSON.stringify(text),
        );
      }
    }
  });
}
