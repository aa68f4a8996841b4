/** The twelve evaluations of the suite. */
import type { Evaluation } from "../evaluation.ts";
import { ba } from "./ba.ts";
import { det } from "./det.ts";
import { gmm } from "./gmm.ts";
import { hello } from "./hello.ts";
import { ht } from "./ht.ts";
import { kmeans } from "./kmeans.ts";
import { llsq } from "./llsq.ts";
import { lse } from "./lse.ts";
import { lstm } from "./lstm.ts";
import { ode } from "./ode.ts";
import { particle } from "./particle.ts";
import { saddle } from "./saddle.ts";

export const evaluations: Readonly<Record<string, Evaluation>> = {
  hello,
  llsq,
  lse,
  gmm,
  kmeans,
  ode,
  det,
  lstm,
  ba,
  ht,
  particle,
  saddle,
};
