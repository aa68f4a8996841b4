/* @ts-self-types="../optim/mod.ts" */
import { optim as namespace } from "./damo.js";
const { Optimizer: Optimizer_, adaDelta: adaDelta_, adaGrad: adaGrad_, adam: adam_, adamW: adamW_, clipByGlobalNorm: clipByGlobalNorm_, globalNorm: globalNorm_, rmsProp: rmsProp_, schedule: schedule_, sgd: sgd_ } = namespace;
export { Optimizer_ as Optimizer, adaDelta_ as adaDelta, adaGrad_ as adaGrad, adam_ as adam, adamW_ as adamW, clipByGlobalNorm_ as clipByGlobalNorm, globalNorm_ as globalNorm, rmsProp_ as rmsProp, schedule_ as schedule, sgd_ as sgd };
