// The door of tfjs: what a TensorFlow.js model can do, read from model.json and the weights beside it. It runs and fetches nothing.
export type { Siblings as TfjsSiblings } from './judge-weights-manifest.ts';
export { tfjsRules } from './rules.ts';
export { scanTfjs, type TfjsOptions, type TfjsWeights } from './scan-tfjs.ts';
