import { assertEquals } from "@std/assert";
import { floorDiv, tensor } from "@damo/damo";
import { deviceTest } from "../../support/devices.ts";

deviceTest("floor division of floats is NumPy's, also where the quotient is rounded", () => {
  const cases = [
    // numpy.floor_divide of float32
    [1, 0.1, 9],
    [-1, 0.1, -10],
    [6, 0.1, 59],
    [0.3, 0.1, 3],
    [-0.75, 1e-7, -7500000],
    [1e30, 3, 3.333333383491554e+29],
    [-5, Infinity, -1],
    [7, -Infinity, -1],
    [5, 0, Infinity],
    [-5, 0, -Infinity],
  ];
  const column = (i: number) => tensor(cases.map((row) => row[i]));
  assertEquals(floorDiv(column(0), column(1)).arraySync(), column(2).arraySync());
});
