/* @ts-self-types="../trace/ops/linalg/mod.ts" */
import { linalg as namespace } from "./damo.js";
const { cholesky: cholesky_, det: det_, eig: eig_, eigh: eigh_, expm: expm_, inv: inv_, kron: kron_, lstsq: lstsq_, matrixPower: matrixPower_, norm: norm_, pinv: pinv_, qr: qr_, slogdet: slogdet_, solve: solve_, solveTriangular: solveTriangular_, svd: svd_ } = namespace;
export { cholesky_ as cholesky, det_ as det, eig_ as eig, eigh_ as eigh, expm_ as expm, inv_ as inv, kron_ as kron, lstsq_ as lstsq, matrixPower_ as matrixPower, norm_ as norm, pinv_ as pinv, qr_ as qr, slogdet_ as slogdet, solve_ as solve, solveTriangular_ as solveTriangular, svd_ as svd };
