// The door of store: reading a model's folder without a race, and keeping verified copies. Never decides who may sign.
export { compareTree, type TreeComparison } from './compare-tree.ts';
export type { ReadOptions } from './digest-files.ts';
export { type HashedTree, type HashTreeOptions, hashTree } from './hash-tree.ts';
