import { assertThrows } from "@std/assert";
import { FormatError } from "../../lib/trace/errors.ts";
import { decodeSafetensors, encodeSafetensors } from "../../lib/io/safetensors.ts";

/** A file with this header, its length as told or as it is, and zeros as data. */
function file(header: string | Record<string, unknown>, dataLength: number, claimed?: bigint): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + dataLength);
  new DataView(bytes.buffer).setBigUint64(0, claimed ?? BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

function entry(shape: unknown, offsets: unknown, dtype: unknown = "F32"): Record<string, unknown> {
  return { dtype, shape, data_offsets: offsets };
}

function refused(what: string, bytes: Uint8Array, reason: string): void {
  Deno.test(`A safetensors file is refused: ${what}`, () => {
    assertThrows(() => decodeSafetensors(bytes), FormatError, reason);
  });
}

refused("shorter than its length field", new Uint8Array(5), "has 5 bytes");
refused("no bytes at all", new Uint8Array(0), "has 0 bytes");
refused("a header of 2^64 - 1 bytes", file({}, 8, 2n ** 64n - 1n), "claims 18446744073709551615 bytes");
refused("a header of 2^53 + 1 bytes", file({}, 8, 2n ** 53n + 1n), "at most 100000000");
refused("a header longer than the file", file({}, 8, 1000n), "is truncated");
refused("a header that is a list", file("[]", 0), `does not begin with "{"`);
refused("a header that begins with space", file(" {}", 0), `does not begin with "{"`);
refused("a broken header", file(`{"a": `, 0), "is not JSON");
refused("two values one after the other", file(`{}{}`, 0), "is not JSON");
refused("an entry that is no object", file({ a: 3 }, 0), `Array "a": its header entry is not an object`);
refused(
  "an unknown field",
  file({ a: { ...entry([1], [0, 4]), run: "x" } }, 4),
  `unknown header field "run"`,
);
refused("an unknown dtype", file({ a: entry([1], [0, 4], "F31") }, 4), `unknown dtype "F31"`);
refused("a dtype from the prototype", file({ a: entry([1], [0, 4], "toString") }, 4), "unknown dtype");
refused("a dtype that is no text", file({ a: entry([1], [0, 4], 4) }, 4), "unknown dtype 4");
refused("8-bit floats", file({ a: entry([4], [0, 4], "F8_E4M3") }, 4), "Convert it to F16 or F32");
refused("no shape", file({ a: { dtype: "F32", data_offsets: [0, 4] } }, 4), "has no shape");
refused("a negative size", file({ a: entry([-1], [0, 4]) }, 4), "-1, which is not a size");
refused("a fractional size", file({ a: entry([1.5], [0, 6]) }, 6), "1.5, which is not a size");
refused("a size that is text", file({ a: entry(["1"], [0, 4]) }, 4), "which is not a size");
refused("a shape that overflows", file({ a: entry([2 ** 31, 2 ** 31, 4], [0, 0]) }, 0), "overflows");
refused(
  "a shape that overflows beside a 0",
  file({ a: entry([0, 2 ** 40, 2 ** 40], [0, 0]) }, 0),
  "overflows",
);
refused("too many axes", file({ a: entry(new Array(1000).fill(1), [0, 4]) }, 4), "1000 axes");
refused("a shape bigger than its bytes", file({ a: entry([2 ** 30], [0, 4]) }, 4), "takes 4294967296 bytes");
refused("offsets the wrong way round", file({ a: entry([1], [4, 0]) }, 4), "holds -4");
refused("a negative offset", file({ a: entry([1], [-4, 0]) }, 4), "not two offsets");
refused("a fractional offset", file({ a: entry([1], [0.5, 4.5]) }, 8), "not two offsets");
refused("three offsets", file({ a: entry([1], [0, 4, 8]) }, 8), "not two offsets");
refused("an end outside the file", file({ a: entry([2], [0, 8]) }, 4), "ends at byte 8 of 4");
refused(
  "an offset of 2^52",
  file({ a: entry([1], [2 ** 52, 2 ** 52 + 4]) }, 4),
  "belong to no array",
);
refused("a gap", file({ a: entry([1], [0, 4]), b: entry([1], [8, 12]) }, 12), `4 bytes before array "b"`);
refused("an overlap", file({ a: entry([2], [0, 8]), b: entry([1], [4, 8]) }, 8), `"b" overlaps`);
refused("the same bytes twice", file({ a: entry([1], [0, 4]), b: entry([1], [0, 4]) }, 4), "overlaps");
refused("bytes after the last array", file({ a: entry([1], [0, 4]) }, 9), "5 bytes after the last array");
refused("metadata that is no map", file({ __metadata__: [] }, 0), "not a map from text to text");
refused("metadata with a number", file({ __metadata__: { a: 1 } }, 0), "not a map from text to text");
refused(
  "a bool of 2",
  (() => {
    const bytes = file({ a: entry([2], [0, 2], "BOOL") }, 2);
    bytes[bytes.length - 1] = 2;
    return bytes;
  })(),
  "element 1 is 2, which is neither true nor false",
);
refused(
  "an int64 beyond 32 bits",
  (() => {
    const bytes = file({ a: entry([2], [0, 16], "I64") }, 16);
    bytes[bytes.length - 1] = 1;
    return bytes;
  })(),
  "too big for 32 bits",
);
refused(
  "a name twice",
  file(`{"a": ${JSON.stringify(entry([1], [0, 4]))}, "a": ${JSON.stringify(entry([1], [0, 4]))}}`, 4),
  `has the name "a" twice`,
);
refused(
  "a name twice, once escaped",
  file(`{"a": ${JSON.stringify(entry([1], [0, 4]))}, "\\u0061" : ${JSON.stringify(entry([1], [0, 4]))}}`, 4),
  `has the name "a" twice`,
);
refused(
  "a field twice",
  file(`{"a": {"dtype": "F32", "shape": [1], "shape": [1], "data_offsets": [0, 4]}}`, 4),
  `has the name "shape" twice`,
);
refused("deep nesting", file(`{"a":${"[".repeat(50_000)}${"]".repeat(50_000)}}`, 0), "not an object");
refused(
  "text that is not UTF-8",
  (() => {
    const bytes = file(`{"??": 1}`, 0);
    bytes[10] = 0xff;
    return bytes;
  })(),
  "is not JSON",
);

Deno.test("Names that hold quotes, braces and colons are not taken for structure", () => {
  const one = { dtype: "uint8", shape: [0], data: new Uint8Array(0) } as const;
  const names = [`{"a":`, `"`, `\\"`, `a": {"a`, `}`];
  decodeSafetensors(encodeSafetensors(new Map(names.map((name) => [name, one]))));
});

Deno.test("Writing refuses arrays that are not what they say, and the reserved name", () => {
  const wrong = { dtype: "float32", shape: [3], data: new Float32Array(2) } as const;
  assertThrows(() => encodeSafetensors(new Map([["a", wrong]])), FormatError, "do not make float32[3]");
  const bytes = { dtype: "float32", shape: [2], data: new Uint8Array(2) } as const;
  assertThrows(() => encodeSafetensors(new Map([["a", bytes]])), FormatError, "do not make float32[2]");
  const fine = { dtype: "float32", shape: [2], data: new Float32Array(2) } as const;
  assertThrows(() => encodeSafetensors(new Map([["__metadata__", fine]])), FormatError, "__metadata__");
});
