/** Loads the library, traces and compiles a function, and reads a result. */
import { jit, type Tensor, tensor } from "../../mod.ts";

if (jit((x: Tensor) => x.add(1).sum())(tensor([1, 2])).itemSync() !== 5) throw new Error("wrong result");
