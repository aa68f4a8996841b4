/** first_result.ts in jax-js on WebAssembly; with `synchronous` read on the main thread. */
// deno-lint-ignore-file no-explicit-any -- the package is loaded without its types: checking must not download peers
const specifier = "npm:@jax-js/jax@0.1.25";
const jax: any = await import(specifier);
await jax.init("wasm");
jax.defaultDevice("wasm");
const result = jax.jit((x: any) => x.add(1).sum())(jax.numpy.array([1, 2]));
const [value] = Deno.args[0] === "synchronous" ? result.dataSync() : await result.data();
if (value !== 5) throw new Error("wrong result");
// Its workers would keep the process.
Deno.exit();
