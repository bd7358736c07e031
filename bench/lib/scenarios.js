// What is measured: one load on several stacks that run side by side, round after round, each stack once per round.
import path from 'node:path';
import { measureLoad } from './load.js';
import { describePayload } from './machine.js';
import { memoryOf } from './processes.js';
import { airlock, airlockAll, airlockUnjailed, bareBlocking, bareThreaded, fastapi, fastapiThreaded } from './stacks.js';
import { quantile } from './statistics.js';
import { measureStarts } from './worker-start.js';

/** @typedef {import('./stacks.js').Stack} Stack */
/**
 * @typedef {object} Scenario
 * @property {string} id
 * @property {string} title
 * @property {string} model
 * @property {string} payload
 * @property {number} connections
 * @property {number} seconds per stack and round
 * @property {Stack[]} stacks
 * @property {boolean} alone also measure one connection, to see where the time goes
 * @property {boolean} airlockOnly all stacks are Airlock, so that the start of their workers can be timed too
 */

/** How often a worker is ended, to time how the next one starts. */
const maxStarts = 5;

// FastAPI runs the way that is faster for it: measured here, `async def` for the tiny model and a thread for the images.
const tinyStacks = [airlock, bareBlocking, bareThreaded, fastapi];
const protectedStacks = [airlockAll, bareBlocking, fastapi];
const imageStacks = [airlock, bareBlocking, bareThreaded, fastapiThreaded];
const jailStacks = [airlock, airlockUnjailed];

/** @type {Scenario[]} */
export const scenarios = [
  {
    id: 'tiny',
    title: 'Tiny model: y = x/2 + 2, three numbers',
    model: 'half_plus_two',
    payload: 'tiny',
    connections: 16,
    seconds: 4,
    stacks: tinyStacks,
    alone: false,
    airlockOnly: false,
  },
  {
    id: 'tinyAll16',
    title: 'Tiny model, every protection on, 16 connections',
    model: 'half_plus_two',
    payload: 'tiny',
    connections: 16,
    seconds: 4,
    stacks: protectedStacks,
    alone: false,
    airlockOnly: false,
  },
  {
    id: 'tinyAll64',
    title: 'Tiny model, every protection on, 64 connections',
    model: 'half_plus_two',
    payload: 'tiny',
    connections: 64,
    seconds: 4,
    stacks: protectedStacks,
    alone: false,
    airlockOnly: false,
  },
  {
    id: 'image8',
    title: 'MobileNetV2, one 224×224×3 image, floats of at most 8 digits',
    model: 'mobilenet',
    payload: 'image8',
    connections: 4,
    seconds: 8,
    stacks: imageStacks,
    alone: true,
    airlockOnly: false,
  },
  {
    id: 'image17',
    title: 'MobileNetV2, one 224×224×3 image, floats of 17 digits',
    model: 'mobilenet',
    payload: 'image17',
    connections: 4,
    seconds: 8,
    stacks: imageStacks,
    alone: true,
    airlockOnly: false,
  },
  {
    id: 'jailTiny',
    title: 'The jail on and off: tiny model',
    model: 'half_plus_two',
    payload: 'tiny',
    connections: 16,
    seconds: 4,
    stacks: jailStacks,
    alone: false,
    airlockOnly: true,
  },
  {
    id: 'jailImage',
    title: 'The jail on and off: MobileNetV2, one image, floats of at most 8 digits',
    model: 'mobilenet',
    payload: 'image8',
    connections: 4,
    seconds: 8,
    stacks: jailStacks,
    alone: false,
    airlockOnly: true,
  },
];

/**
 * One connection on Airlock and on bare Node right after one another. Bare Node also says how long TF_SessionRun took in it.
 * @param {{ airlockServer: import('./processes.js').Server | undefined, bareServer: import('./processes.js').Server }} servers
 * @param {(server: import('./processes.js').Server, connections: number) => Promise<import('./load.js').Measurement>} measure
 */
async function measureAlone({ airlockServer, bareServer }, measure) {
  const statistics = new URL('/', bareServer.url);
  await (await fetch(statistics)).json();
  const bare = await measure(bareServer, 1);
  const runs = /** @type {number[]} */ (await (await fetch(statistics)).json());
  const ours = airlockServer === undefined ? undefined : await measure(airlockServer, 1);
  return { sessionRunMs: quantile(runs, 0.5) / 1000, bareMs: bare.p50Ms, airlockMs: ours?.p50Ms };
}

/**
 * @param {Scenario} scenario
 * @param {import('./prepare.js').Places} places
 * @param {import('./load.js').Generator} generator
 * @param {{ rounds: number, shorten: number, withAirlock: boolean }} options
 */
export async function runScenario(scenario, places, generator, { rounds, shorten, withAirlock }) {
  const stacks = scenario.stacks.filter((stack) => withAirlock || stack.id !== airlock.id);
  const bodyFile = path.join(places.models, scenario.model, `${scenario.payload}.json`);
  const seconds = Math.max(1, Math.round(scenario.seconds / shorten));
  /** @type {Map<string, import('./processes.js').Server>} */
  const servers = new Map();
  /** @param {import('./processes.js').Server} server @param {number} connections */
  const measure = async (server, connections) => {
    const result = await measureLoad(generator, places.bench, { url: server.url, bodyFile, connections, seconds });
    if (server.failure() !== undefined) throw new Error(`${server.name} ${server.failure()} under load`);
    return result;
  };
  console.log(`\n${scenario.title}, ${scenario.connections} connections`);
  try {
    for (const stack of stacks) servers.set(stack.id, await stack.start(places, scenario.model, scenario.payload));
    const serverOf = (/** @type {Stack} */ stack) => {
      const server = servers.get(stack.id);
      if (server === undefined) throw new Error(`${stack.title} was not started`);
      return server;
    };
    // The first seconds of each belong to the compilers.
    for (const stack of stacks) await measure(serverOf(stack), scenario.connections);
    /** @type {Record<string, import('./load.js').Measurement[]>} */
    const measurements = Object.fromEntries(stacks.map((stack) => [stack.id, []]));
    const alone = [];
    for (let round = 0; round < rounds; round++) {
      // Back and forth, so that none always runs right after the same neighbour.
      for (const stack of round % 2 === 0 ? stacks : stacks.toReversed()) {
        const result = await measure(serverOf(stack), scenario.connections);
        measurements[stack.id].push(result);
        console.log(
          `  round ${round + 1} of ${rounds}  ${stack.title.padEnd(27)} ${result.requestsPerSecond.toFixed(1).padStart(9)} requests/s` +
            `  median ${result.p50Ms.toFixed(2)} ms  p99 ${result.p99Ms.toFixed(2)} ms`,
        );
      }
      if (scenario.alone) {
        alone.push(await measureAlone({ airlockServer: servers.get(airlock.id), bareServer: serverOf(bareBlocking) }, measure));
      }
    }
    const workers = stacks.map((stack) => ({ id: stack.id, server: serverOf(stack) }));
    const starts = await measureStarts(workers, scenario.airlockOnly ? Math.min(maxStarts, rounds) : 0);
    await stopAll(servers);
    const memory = await weigh(stacks, scenario, places, (server) => measure(server, scenario.connections));
    return {
      id: scenario.id,
      title: scenario.title,
      connections: scenario.connections,
      secondsPerMeasurement: seconds,
      payload: describePayload(places, scenario.model, scenario.payload),
      stacks: stacks.map(({ id, title }) => ({ id, title })),
      measurements,
      alone,
      starts,
      memory,
    };
  } finally {
    await stopAll(servers);
  }
}

/** @param {Map<string, import('./processes.js').Server>} servers */
async function stopAll(servers) {
  for (const server of servers.values()) await server.stop();
}

/**
 * Memory after load, each stack started once more and alone, so that the others do not press on it.
 * @param {Stack[]} stacks
 * @param {Scenario} scenario
 * @param {import('./prepare.js').Places} places
 * @param {(server: import('./processes.js').Server) => Promise<unknown>} load
 */
async function weigh(stacks, scenario, places, load) {
  /** @type {Record<string, ReturnType<typeof memoryOf>>} */
  const memory = {};
  for (const stack of stacks) {
    const server = await stack.start(places, scenario.model, scenario.payload);
    try {
      await load(server);
      memory[stack.id] = memoryOf(server.pid);
    } finally {
      await server.stop();
    }
  }
  return memory;
}

/** @typedef {Awaited<ReturnType<typeof runScenario>>} ScenarioResult */
