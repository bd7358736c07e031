// The numbers to reach, each worked out from what was measured. A target that was missed is printed as missed.
import { quantile, summarize, summarizeRatios } from './statistics.js';

/** @typedef {import('./scenarios.js').ScenarioResult} ScenarioResult */
/** @typedef {{ payload: string, dtype: string, bytes: number, airlockMs: import('./statistics.js').Summary, plainMs: import('./statistics.js').Summary, timesFaster: import('./statistics.js').Summary }} DecodeResult */
/** @typedef {{ what: string, target: string, measured: import('./statistics.js').Summary, unit: string, reached: boolean | undefined }} Target */

/**
 * @param {ScenarioResult} scenario
 * @param {string} ours
 * @param {string} theirs
 * @param {'requestsPerSecond' | 'p99Ms'} field
 */
function ratio(scenario, ours, theirs, field) {
  const pick = (/** @type {string} */ id) => scenario.measurements[id].map((measurement) => measurement[field]);
  return summarizeRatios(pick(ours), pick(theirs));
}

/**
 * A number beside its target; without a bound it is only stated.
 * @param {string} what
 * @param {import('./statistics.js').Summary} measured
 * @param {{ atLeast?: number, atMost?: number }} bound
 * @param {string} [unit]
 * @returns {Target}
 */
export function judge(what, measured, { atLeast, atMost }, unit = '×') {
  let target = 'stated';
  /** @type {boolean | undefined} */
  let reached;
  if (atLeast !== undefined) {
    target = `at least ${atLeast}${unit}`;
    reached = measured.median >= atLeast;
  } else if (atMost !== undefined) {
    target = `at most ${atMost}${unit}`;
    reached = measured.median <= atMost;
  }
  return { what, target, measured, unit, reached };
}

/** @param {ScenarioResult} scenario */
function timeOutsideRun(scenario) {
  return summarize(
    scenario.alone.map(({ airlockMs, sessionRunMs }) => (100 * ((airlockMs ?? 0) - sessionRunMs)) / (airlockMs ?? 1)),
  );
}

/** @param {ScenarioResult} scenario */
function memoryTarget(scenario) {
  const share = scenario.memory.airlock.rssMiB / scenario.memory.fastapi.rssMiB;
  const measured = { median: share, min: share, max: share };
  return judge(`${scenario.id}: resident memory of server and worker / FastAPI`, measured, { atMost: 1 });
}

/**
 * What the jail costs, from two Airlocks that differ in nothing else.
 * @param {ScenarioResult} scenario
 * @returns {Target[]}
 */
function jailTargets(scenario) {
  const { id, starts } = scenario;
  const pick = (/** @type {string} */ stack, /** @type {import('./worker-start.js').StartNumber} */ field) =>
    starts[stack].map((start) => start[field]);
  const start = (/** @type {import('./worker-start.js').StartNumber} */ field) =>
    summarizeRatios(pick('airlock', field), pick('airlockUnjailed', field));
  return [
    judge(`${id}: requests/s / without the jail`, ratio(scenario, 'airlock', 'airlockUnjailed', 'requestsPerSecond'), {
      atLeast: 0.97,
    }),
    judge(`${id}: p99 / without the jail`, ratio(scenario, 'airlock', 'airlockUnjailed', 'p99Ms'), { atMost: 1.05 }),
    judge(`${id}: start of a worker / without the jail`, start('startMs'), {}),
    judge(`${id}: a worker's own memory / without the jail`, start('ownMiB'), {}),
  ];
}

/**
 * @param {ScenarioResult[]} scenarios
 * @param {DecodeResult[]} decode
 * @returns {Target[]}
 */
export function judgeTargets(scenarios, decode) {
  /** @type {Target[]} */
  const targets = [];
  for (const scenario of scenarios) {
    if (scenario.measurements.airlock === undefined) continue;
    if (scenario.measurements.airlockUnjailed !== undefined) {
      targets.push(...jailTargets(scenario));
      continue;
    }
    const { id } = scenario;
    const isTiny = id === 'tiny';
    const isProtected = id.startsWith('tinyAll');
    const requests = (/** @type {string} */ theirs) => ratio(scenario, 'airlock', theirs, 'requestsPerSecond');
    const overBare = isProtected ? 1.2 : isTiny ? 0.7 : 1.5;
    targets.push(judge(`${id}: requests/s / FastAPI`, requests('fastapi'), { atLeast: isProtected ? 5 : isTiny ? 2.5 : 6 }));
    targets.push(judge(`${id}: requests/s / bare Node, blocking call`, requests('bareBlocking'), { atLeast: overBare }));
    if (isProtected) continue;
    targets.push(judge(`${id}: requests/s / bare Node, call on a thread`, requests('bareThreaded'), {}));
    if (isTiny)
      targets.push(
        judge(`${id}: p99 / bare Node, blocking call`, ratio(scenario, 'airlock', 'bareBlocking', 'p99Ms'), { atMost: 2 }),
      );
    if (scenario.alone.length > 0) {
      const bound = id === 'image8' ? { atMost: 25 } : {};
      targets.push(judge(`${id}: time outside TF_SessionRun, one connection`, timeOutsideRun(scenario), bound, ' %'));
    }
    targets.push(memoryTarget(scenario));
  }
  for (const { payload, dtype, timesFaster } of decode) {
    const type = dtype === 'DT_FLOAT' ? 'float32' : 'float64';
    const bound = payload === 'image8' ? 4 : 1.5;
    targets.push(
      judge(`decode ${payload} to ${type}: times faster than JSON.parse and flatten`, timesFaster, { atLeast: bound }),
    );
  }
  return targets;
}

/**
 * Median over the rounds, for the tables.
 * @param {import('./load.js').Measurement[]} measurements
 * @param {'p50Ms' | 'p99Ms'} field
 */
export function medianOf(measurements, field) {
  return quantile(
    measurements.map((measurement) => measurement[field]),
    0.5,
  );
}
