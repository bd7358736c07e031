// The door of store: reading a model's folder without a race, and keeping verified copies. Never decides who may sign.
export { assertPrivate } from './assert-private.ts';
export { compareTree, type TreeComparison } from './compare-tree.ts';
export type { ReadOptions } from './digest-files.ts';
export { type HashedTree, type HashTreeOptions, hashTree } from './hash-tree.ts';
export { type ModelStore, openModelStore, type StagedModel } from './model-store.ts';
export type { Collected, StoreFolderOptions, StoreStep } from './store-folder.ts';
export { openTree, type Tree } from './tree.ts';
export { verifiedContent } from './verified-content.ts';
