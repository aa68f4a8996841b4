import { assertEquals, assertThrows } from "@std/assert";
import { FormatError } from "../../lib/trace/errors.ts";
import { decodeNpy } from "../../lib/io/npy.ts";
import { golden, patched } from "./golden.ts";

/** A version 1 file with this header and zeros as data. */
function file(header: string, dataLength: number, claimed = header.length): Uint8Array {
  const bytes = new Uint8Array(10 + header.length + dataLength);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, claimed & 255, claimed >> 8]);
  bytes.set(new TextEncoder().encode(header), 10);
  return bytes;
}

function dict(shape: string, descr = "'<f4'", order = "False"): string {
  return `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }`;
}

function refused(what: string, bytes: Uint8Array, reason: string): void {
  Deno.test(`A .npy file is refused: ${what}`, () => {
    assertThrows(() => decodeNpy(bytes), FormatError, reason);
  });
}

refused("no bytes", new Uint8Array(0), "does not begin with");
refused("another magic", patched(golden("f4.npy"), 1, [0x4d]), "does not begin with");
refused("only the magic", golden("f4.npy").slice(0, 6), "version undefined");
refused("version 4", patched(golden("f4.npy"), 6, [4]), "version 4.0 is unknown");
refused("truncated in the header", golden("f4.npy").slice(0, 60), "is truncated");
refused("truncated in the length", golden("f4.npy").slice(0, 9), "ends within its header");
refused("truncated in the values", golden("f4.npy").slice(0, -1), "is truncated");
refused("values too many", new Uint8Array([...golden("f4.npy"), 0]), "49 follow the header");
refused("a header longer than the file", file(dict("(1,)"), 4, 60000), "claims 60000 bytes");
refused("a shape that overflows", file(dict("(4294967296, 4294967296)"), 0), "overflows");
refused("a size beyond numbers", file(dict(`(${"9".repeat(400)},)`), 0), "not a size");
refused("a negative size", file(dict("(-1,)"), 4), "-1, which is not a size");
refused("a size that is text", file(dict("('3',)"), 12), "not a size");
refused("a shape that is a number", file(dict("3"), 12), "has no shape");
refused("an order that is a number", file(dict("(3,)", "'<f4'", "0"), 12), "neither True nor False");
refused("a field twice", file("{'descr': '<f4', 'descr': '<f8'}", 0), `the field "descr" twice`);
refused("an unknown field", file("{'descr': '<f4', 'x': 1}", 0), `unknown header field "x"`);
refused("no dtype", file("{'fortran_order': False, 'shape': ()}", 4), "names no dtype");
refused("an unknown dtype", file(dict("(1,)", "'<f3'"), 3), "floats of an unusual size");
refused("a dtype from the prototype", file(dict("()", "'toString'"), 3), "unknown dtype");
refused("code in place of a literal", file("{'descr': __import__('os'), }", 0), "cannot be read at");
refused("a call", file("{'descr': '<f4'()}", 0), "not a Python dict");
refused("no closing brace", file("{'descr': '<f4'", 0), "not a Python dict");
refused("a brace that is text", file("{'descr': '<f4''}'", 0), "not a Python dict");
refused("something after the dict", file(`${dict("()")} 1`, 4), "goes on after its dict");
refused("a name that is a number", file("{1: 2}", 0), "whose name is not text");
refused("deep nesting", file(`{'shape': ${"(".repeat(20_000)}`, 0), "nested too deeply");
refused("objects", golden("refused_object.npy"), "Python objects");
refused("complex numbers", golden("refused_complex.npy"), "complex numbers");
refused("text", golden("refused_text.npy"), "text");
refused("records", golden("refused_records.npy"), "several fields");
refused(
  "int64 beyond 32 bits",
  golden("refused_wide.npy"),
  "element 1 is 1099511627776, too big for 32 bits",
);

Deno.test("Headers of other writers read: double quotes, lists, Python 2's L, no trailing comma", () => {
  const header = `{"shape":[2L, 3], "descr": "<f4", "fortran_order":True}  \n`;
  assertEquals(decodeNpy(file(header, 24)), { dtype: "float32", shape: [2, 3], data: new Float32Array(6) });
});
