import { assertEquals, assertThrows } from "@std/assert";
import { Fields } from "./_fields.ts";
import { ProtocolError } from "./protocol_error.ts";

function field(value: unknown): Fields {
  return Fields.of({ type: "t", field: value });
}

function assertRejects(read: () => unknown, message: string): void {
  assertThrows(
    read,
    ProtocolError,
    `Cannot parse frame "t": "field" must be ${message}`,
  );
}

Deno.test("Fields() throws when the value is not an object", () => {
  for (
    const [value, name] of [
      [null, "null"],
      [[], "array"],
      ["secret", "string"],
      [true, "boolean"],
      [5, "number 5"],
    ]
  ) {
    assertThrows(
      () => Fields.of(value),
      ProtocolError,
      `Cannot parse frame: must be a JSON object, got ${name}`,
    );
  }
});

Deno.test("Fields() throws when the type is not a string", () => {
  for (const value of [{}, { type: null }]) {
    assertThrows(
      () => Fields.of(value),
      ProtocolError,
      'Cannot parse frame: "type" is missing',
    );
  }
  assertThrows(
    () => Fields.of({ type: 5 }),
    ProtocolError,
    'Cannot parse frame: "type" must be a string, got number 5',
  );
});

Deno.test("Fields methods return undefined when the field is missing or null", () => {
  for (const fields of [Fields.of({ type: "t" }), field(null)]) {
    assertEquals(fields.string("field"), undefined);
    assertEquals(fields.boolean("field"), undefined);
    assertEquals(fields.integer("field"), undefined);
    assertEquals(fields.count("field"), undefined);
    assertEquals(fields.short("field"), undefined);
    assertEquals(fields.amount("field"), undefined);
    assertEquals(fields.object("field"), undefined);
    assertEquals(fields.strings("field"), undefined);
    assertEquals(fields.stringRecord("field"), undefined);
    assertEquals(fields.bytes("field"), undefined);
  }
});

Deno.test("Fields.missing() throws", () => {
  assertThrows(
    () => field(1).missing("other"),
    ProtocolError,
    'Cannot parse frame "t": "other" is missing',
  );
});

Deno.test("Fields.string() reads strings only", () => {
  assertEquals(field("").string("field"), "");
  assertRejects(() => field(5).string("field"), "a string, got number 5");
});

Deno.test("Fields.boolean() reads booleans only", () => {
  assertEquals(field(false).boolean("field"), false);
  assertRejects(() => field("x").boolean("field"), "a boolean, got string");
});

Deno.test("Fields.integer() reads safe integers only", () => {
  assertEquals(field(-1).integer("field"), -1);
  for (const value of [1.5, 2 ** 53, Infinity]) {
    assertRejects(
      () => field(value).integer("field"),
      `an integer, got number ${value}`,
    );
  }
  assertRejects(() => field("1").integer("field"), "an integer, got string");
});

Deno.test("Fields.count() reads non-negative safe integers only", () => {
  assertEquals(field(0).count("field"), 0);
  for (const value of [-1, 1.5, 2 ** 53]) {
    assertRejects(
      () => field(value).count("field"),
      `a non-negative integer, got number ${value}`,
    );
  }
});

Deno.test("Fields.short() reads integers of 16 bits only", () => {
  assertEquals(field(0xffff).short("field"), 0xffff);
  for (const value of [-1, 0.5, 0x10000]) {
    assertRejects(
      () => field(value).short("field"),
      `an integer from 0 to 65535, got number ${value}`,
    );
  }
});

Deno.test("Fields.object() reads objects only, and names their fields in full", () => {
  const inner = field({ a: 1, b: { c: "x" } }).object("field")!;
  assertEquals(inner.integer("a"), 1);
  assertEquals(inner.object("b")!.string("c"), "x");
  for (
    const [read, message] of [
      [() => inner.string("a"), '"field.a" must be a string, got number 1'],
      [() => inner.missing("d"), '"field.d" is missing'],
      [() => inner.object("b")!.bytes("c"), '"field.b.c" must be standard'],
    ] as const
  ) {
    assertThrows(read, ProtocolError, `Cannot parse frame "t": ${message}`);
  }
  assertRejects(() => field([]).object("field"), "an object, got array");
});

Deno.test("Fields.amount() reads non-negative, finite numbers only", () => {
  assertEquals(field(1.5).amount("field"), 1.5);
  for (const value of [-0.5, Infinity]) {
    assertRejects(
      () => field(value).amount("field"),
      `a non-negative number, got number ${value}`,
    );
  }
  assertRejects(
    () => field([]).amount("field"),
    "a non-negative number, got array",
  );
});

Deno.test("Fields.strings() reads arrays of strings only", () => {
  assertEquals(field([]).strings("field"), []);
  assertEquals(field(["a", ""]).strings("field"), ["a", ""]);
  assertRejects(
    () => field({}).strings("field"),
    "an array of strings, got object",
  );
  assertRejects(
    () => field(["a", null]).strings("field"),
    "an array of strings, got null at index 1",
  );
  assertRejects(
    () => field([5]).strings("field"),
    "an array of strings, got number at index 0",
  );
});

Deno.test("Fields.strings() and .stringRecord() take no more than they may", () => {
  assertEquals(field(["a", "b"]).strings("field", 2), ["a", "b"]);
  assertEquals(field({ a: "b" }).stringRecord("field", 1), { a: "b" });
  for (
    const read of [
      () => field(["a", "b"]).strings("field", 1),
      () => field({ a: "", b: "" }).stringRecord("field", 1),
    ]
  ) {
    assertThrows(read, ProtocolError, '"field" holds 2 strings, more than 1');
  }
});

Deno.test("Fields.stringRecord() reads objects of strings only", () => {
  assertEquals(field({ a: "" }).stringRecord("field"), { a: "" });
  assertRejects(
    () => field(["a"]).stringRecord("field"),
    "an object of strings, got array",
  );
  assertRejects(
    () => field({ a: "", b: 5 }).stringRecord("field"),
    'an object of strings, got number at "b"',
  );
  assertRejects(
    () => field({ "b=secret": true }).stringRecord("field"),
    'an object of strings, got boolean at "b"',
  );
  assertRejects(
    () => field({ ["b".repeat(1000)]: [] }).stringRecord("field"),
    `an object of strings, got array at "${"b".repeat(64)}"`,
  );
});

Deno.test("Fields.stringRecord() takes every key as a key", () => {
  const fields = Fields.of(
    JSON.parse('{"type":"t","field":{"__proto__":"a","constructor":"b"}}'),
  );
  const record = fields.stringRecord("field")!;

  assertEquals(Object.getPrototypeOf(record), null);
  assertEquals(Object.entries(record), [
    ["__proto__", "a"],
    ["constructor", "b"],
  ]);
});

Deno.test("Fields.bytes() reads base64 only", () => {
  assertEquals(field("aGk=").bytes("field"), new Uint8Array([104, 105]));
  assertEquals(field("").bytes("field"), new Uint8Array(0));
  assertRejects(
    () => field("aGk").bytes("field"),
    "standard, padded base64",
  );
  assertRejects(() => field(5).bytes("field"), "a string, got number 5");
});
