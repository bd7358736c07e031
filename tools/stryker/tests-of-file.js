// The part of vitest's interface that the tests of src/contract use, over vitest's own `expect`. Tests are collected, not run:
// in-process-runner.js runs them, as often as it likes, in the process that has loaded them.
import {
  ASYMMETRIC_MATCHERS_OBJECT,
  chai,
  customMatchers,
  GLOBAL_EXPECT,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
  setState,
} from '@vitest/expect';
import { format } from 'node:util';

/** @typedef {() => unknown} Work */
/** @typedef {{ name: string, parent: Suite | undefined, before: Work[], after: Work[], beforeAll: Work[], afterAll: Work[], skipped: boolean }} Suite */
/** @typedef {{ name: string, suite: Suite, run: Work }} Test */

chai.use(JestExtend);
chai.use(JestChaiExpect);
chai.use(JestAsymmetricMatchers);

export const expect = Object.assign(
  (/** @type {unknown} */ value, /** @type {string} */ message) => {
    setState({ assertionCalls: 0 }, expect);
    return chai.expect(value, message);
  },
  chai.expect,
  globalThis[ASYMMETRIC_MATCHERS_OBJECT],
);
globalThis[GLOBAL_EXPECT] = expect;
setState({ assertionCalls: 0, isExpectingAssertions: false, expectedAssertionsNumber: null }, expect);
chai.expect.extend(expect, customMatchers);

/** @returns {Suite} */
function suiteOf(/** @type {string} */ name, /** @type {Suite | undefined} */ parent, skipped = false) {
  return { name, parent, before: [], after: [], beforeAll: [], afterAll: [], skipped: skipped || parent?.skipped === true };
}

let current = suiteOf('', undefined);
/** @type {Test[]} */
let collected = [];

/** The tests that `load` names, in order; skipped ones are left out. */
export async function collect(/** @type {() => Promise<unknown>} */ load) {
  current = suiteOf('', undefined);
  collected = [];
  await load();
  return collected;
}

/** As vitest writes titles: printf words for lists, the value for others. */
function titled(/** @type {string} */ title, /** @type {unknown[]} */ values, /** @type {number} */ index) {
  const numbered = title.replaceAll('%#', `${index}`);
  const places = (numbered.match(/%[sdifjo]/g) ?? []).length;
  return places === 0 ? numbered : format(numbered, ...values.slice(0, places));
}

/** @param {(title: string, work: (...values: any[]) => unknown) => void} define */
const eachOf = (define) => (/** @type {readonly unknown[]} */ rows) => {
  return (/** @type {string} */ title, /** @type {(...values: any[]) => unknown} */ work) => {
    for (const [index, row] of rows.entries()) {
      const values = Array.isArray(row) ? row : [row];
      define(titled(title, values, index), () => work(...values));
    }
  };
};

function defineSuite(/** @type {string} */ title, /** @type {Work} */ work, skipped = false) {
  const outer = current;
  current = suiteOf(title, outer, skipped);
  work();
  current = outer;
}

function defineTest(/** @type {string} */ title, /** @type {Work} */ run) {
  if (!current.skipped) collected.push({ name: title, suite: current, run });
}

const nothing = () => {};
export const describe = Object.assign(defineSuite, {
  each: eachOf(defineSuite),
  skip: nothing,
  skipIf: (/** @type {boolean} */ skip) => (/** @type {string} */ title, /** @type {Work} */ work) => defineSuite(title, work, skip),
});
export const it = Object.assign(defineTest, {
  each: eachOf(defineTest),
  skip: nothing,
  skipIf: (/** @type {boolean} */ skip) => (skip ? nothing : defineTest),
});
export const test = it;
export const beforeEach = (/** @type {Work} */ work) => current.before.push(work);
export const afterEach = (/** @type {Work} */ work) => current.after.push(work);
export const beforeAll = (/** @type {Work} */ work) => current.beforeAll.push(work);
export const afterAll = (/** @type {Work} */ work) => current.afterAll.push(work);
