// The door of policy: whether the trust section lets a version of a model be served, and the record of those that were.
export type { TrustRequest } from './judge.ts';
export { openTrust, type Trust, type TrustOptions } from './trust.ts';
