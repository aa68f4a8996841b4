/**
 * Sparse matrices in compressed rows, times dense ones.
 *
 * @module
 */
export { type Csr, csr, fromDense, matmul, matmulTransposed, toDense } from "./csr.ts";
