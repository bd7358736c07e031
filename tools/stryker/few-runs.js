// Stands in for fast-check while mutants are tested: fewer cases per property (MUTATION_RUNS, default 25, or a quarter), the same ones each time, and no
// search for a smaller case, since a killed mutant needs no explanation. It must never be used for the ordinary tests.
import { createRequire } from 'node:module';

/** @type {typeof import('fast-check').default} */
const real = createRequire(import.meta.url)('fast-check');
const most = Number(process.env.MUTATION_RUNS ?? 25);

/** @param {import('fast-check').Parameters<any>} [parameters] */
function few(parameters = {}) {
  const asked = parameters.numRuns ?? 100;
  // Properties with many cases count how many were of some kind, and expect a certain number of them.
  const numRuns = Math.min(asked, Math.max(most, Math.ceil(asked / 4)));
  return { seed: 20261130, ...parameters, numRuns, endOnFailure: true };
}

export default {
  ...real,
  /** @type {typeof real.assert} */
  assert: (property, parameters) => real.assert(property, few(parameters)),
  /** @type {typeof real.check} */
  check: (property, parameters) => real.check(property, few(parameters)),
};
