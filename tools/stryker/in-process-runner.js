// Runs the tests of src/contract for Stryker in the process that has loaded them: a mutant costs milliseconds, where a new thread of vitest
// for each would cost a second. What a mutant has left behind in the process must not count against the next one: a test that killed a
// mutant has to pass again without it, or everything is loaded anew and the mutant is tried once more.
import fs from 'node:fs';
import module from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** @typedef {{ id: string, fileName: string, name: string, run: () => unknown, suite: any, timeSpentMs: number }} Test */

const folder = process.env.MUTATION_TESTS ?? 'src/contract';
/** Written by the process that ran all tests first, for the others. */
const timesFile = 'reports/test-times.json';
/** Why a mutant was stopped that ran far more often than the code which it stands for; mutate.js counts it as a timeout. */
const endless = 'too many runs of the mutant';
const measuresTime =
  /takes time in proportion|takes no longer per character|costs by what was sent|spends nothing on|takes as long for/;

/** What the instrumented code reads and writes. */
/** @type {{ activeMutant?: string, currentTestId?: string, hitCount?: number, hitLimit?: number, mutantCoverage?: any }} */
const shared = {};
Object.assign(globalThis, { __stryker__: shared });

/** @param {any} suite outermost first */
function chain(suite) {
  const suites = [];
  for (let at = suite; at !== undefined; at = at.parent) suites.unshift(at);
  return suites;
}

/** @param {Test} test gives what it threw, as text, or undefined */
async function failureOf(test) {
  const suites = chain(test.suite);
  try {
    for (const { beforeAll, before } of suites) for (const hook of [...beforeAll, ...before]) await hook();
    await test.run();
  } catch (error) {
    return error instanceof Error ? `${error.message}`.slice(0, 300) || error.name : String(error);
  } finally {
    for (const { after, afterAll } of suites.reverse()) for (const hook of [...after, ...afterAll]) await hook();
  }
}

class InProcessRunner {
  /** @type {Map<string, Test>} */
  #tests = new Map();
  #generation = 0;

  /**
   * Otherwise Stryker ends the process for each mutant in code that also runs while a file is loaded. Here that part stays as it is, and the
   * mutant is judged by what it does in the tests.
   */
  capabilities() {
    return { reloadEnvironment: true };
  }

  async init() {
    module.register('./ts-loader.js', import.meta.url);
    await this.#load();
  }

  async #load() {
    const generation = ++this.#generation;
    shared.activeMutant = undefined;
    shared.currentTestId = undefined;
    const { collect } = await import(`./tests-of-file.js`);
    const files = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.test.ts'));
    /** @type {Record<string, number>} */
    const times = fs.existsSync(timesFile) ? JSON.parse(fs.readFileSync(timesFile, 'utf8')) : {};
    this.#tests = new Map();
    for (const file of files.sort()) {
      const url = pathToFileURL(path.resolve(folder, file));
      for (const { name, suite, run } of await collect(() => import(`${url}?generation=${generation}`))) {
        const names = [...chain(suite).map((part) => part.name), name].filter((part) => part !== '');
        if (names.some((part) => measuresTime.test(part))) continue;
        const title = names.join(' > ');
        let id = `${file}#${title}`;
        for (let again = 2; this.#tests.has(id); again++) id = `${file}#${title} (${again})`;
        const test = { id, fileName: path.resolve(folder, file), name: title, run, suite, timeSpentMs: times[id] ?? 0 };
        this.#tests.set(id, test);
      }
    }
  }

  async dryRun() {
    const tests = [];
    for (const test of this.#tests.values()) {
      shared.currentTestId = test.id;
      const start = performance.now();
      const failureMessage = await failureOf(test);
      test.timeSpentMs = performance.now() - start;
      shared.currentTestId = undefined;
      const { id, name, fileName, timeSpentMs } = test;
      if (failureMessage === undefined) tests.push({ status: 0, id, name, fileName, timeSpentMs });
      else tests.push({ status: 1, id, name, fileName, timeSpentMs, failureMessage });
    }
    fs.mkdirSync(path.dirname(timesFile), { recursive: true });
    fs.writeFileSync(timesFile, JSON.stringify(Object.fromEntries(tests.map(({ id, timeSpentMs }) => [id, timeSpentMs]))));
    const mutantCoverage = shared.mutantCoverage;
    return { status: 'complete', tests, mutantCoverage };
  }

  /**
   * @param {{ activeMutant: { id: string }, testFilter?: string[], hitLimit?: number }} options
   */
  async mutantRun(options) {
    const result = await this.#try(options);
    if (result.status !== 'killed' || (await this.#passes(result.killedBy[0]))) return result;
    await this.#load();
    const second = await this.#try(options);
    if (second.status === 'killed' && !(await this.#passes(second.killedBy[0]))) await this.#load();
    return second;
  }

  /** @param {string} id */
  async #passes(id) {
    const test = this.#tests.get(id);
    return test !== undefined && (await failureOf(test)) === undefined;
  }

  /** @param {Parameters<InProcessRunner['mutantRun']>[0]} options */
  async #try({ activeMutant, testFilter, hitLimit }) {
    const ids = testFilter ?? [...this.#tests.keys()];
    const tests = ids.flatMap((id) => this.#tests.get(id) ?? []);
    if (tests.length !== ids.length) return { status: 'error', errorMessage: 'a test is missing' };
    // The quick ones first: most mutants die in any of them.
    tests.sort((a, b) => a.timeSpentMs - b.timeSpentMs);
    shared.hitLimit = hitLimit;
    shared.hitCount = 0;
    shared.activeMutant = activeMutant.id;
    try {
      for (const [index, test] of tests.entries()) {
        const failureMessage = await failureOf(test);
        const isEndless = hitLimit !== undefined && (shared.hitCount ?? 0) > hitLimit;
        if (failureMessage === undefined && !isEndless) continue;
        // A timeout, but said as a kill: Stryker would end this process after a timeout, and it is still good.
        const message = isEndless ? endless : failureMessage;
        return { status: 'killed', killedBy: [test.id], failureMessage: message, nrOfTests: index + 1 };
      }
      return { status: 'survived', nrOfTests: tests.length };
    } finally {
      shared.activeMutant = undefined;
    }
  }
}

export const strykerPlugins = [{ kind: 'TestRunner', name: 'in-process', injectableClass: InProcessRunner }];
