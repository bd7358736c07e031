// Makes attacks, each in a process of its own inside of a jail, and says how they ended.
import { once } from 'node:events';
import path from 'node:path';
import { makeTargets } from './targets.mjs';

export { attacks } from './inside/attacks.mjs';

export const insideFolder = path.join(import.meta.dirname, 'inside');

const limits = { memoryBytes: 256 * 1024 * 1024, maxTasks: 64 };
const patienceMs = 30_000;

/**
 * `jail` starts processes; `seal` adds what the worker does itself: the serving filter, and no executable memory for attacks that
 * depend on it. Gives whether the attack worked and, if not, what refused it: an error's name or a signal's.
 * @throws when the attack was not made, or itself made a mistake: nothing was shown.
 */
export async function attempt(jail, attack, targets, { seal }) {
  const log = [];
  const started = jail.start({
    entry: path.join(insideFolder, 'runner.mjs'),
    execArgv: attack.withoutCode && seal ? ['--jitless'] : [],
    readable: [insideFolder],
    limits,
    onLog: ({ text }) => log.push(text),
  });
  const timer = setTimeout(() => started.kill(), patienceMs);
  // A process that was killed resets the connection.
  started.socket.on('error', () => undefined);
  started.socket.write(`${JSON.stringify({ name: attack.name, targets, seal })}\n`);
  let said = '';
  started.socket.on('data', (piece) => {
    said += piece;
    if (answersIn(said).length === 2) started.kill();
  });
  const [exit] = await Promise.all([started.exited, once(started.socket, 'close')]);
  clearTimeout(timer);
  const [sealed, answer] = answersIn(said);
  const about = `${attack.name}: ${JSON.stringify(exit)} ${log.join(' | ')}`;
  if (sealed === undefined) throw new Error(`the process did not come to the attack: ${about}`);
  if (answer === undefined) {
    if (attack.exitCode !== undefined && exit.code === attack.exitCode) return { worked: true };
    if (exit.signal === null || exit.signal === 'SIGKILL') throw new Error(`the attack did not end: ${about}`);
    return { worked: false, by: exit.signal };
  }
  const outcome = JSON.parse(answer);
  if (outcome.mistake !== undefined) throw new Error(`${about} ${outcome.mistake}`);
  return outcome;
}

/**
 * Makes attacks, two at a time, on targets of their own. Gives each one's outcome by its name, and what the targets looked
 * like before and after.
 */
export async function attemptAll(jail, attacks, { seal }) {
  const targets = await makeTargets();
  try {
    const before = await targets.observe();
    const outcomes = new Map();
    const rest = [...attacks];
    const work = async () => {
      for (let attack = rest.shift(); attack !== undefined; attack = rest.shift()) {
        outcomes.set(attack.name, await attempt(jail, attack, targets.targets, { seal }));
      }
    };
    await Promise.all([work(), work()]);
    return { outcomes, before, after: await targets.observe() };
  } finally {
    await targets.close();
  }
}

/** Complete lines; one of the attacks sends an empty one. */
function answersIn(said) {
  return said.split('\n').slice(0, -1).filter(Boolean);
}
