// Runs one step of the preparation as a child process and says on one line what it does and how long it took.
// What the child prints goes to a log, not to the screen: a person gets one line, and the name of the log when it fails.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
export const stateFolder = path.join(root, '.airlock');
const logName = path.join('.airlock', 'prepare.log');
const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };

/** An expected end: the line to print, and the exit code (4: the machine lacks something). */
export function stop(line, exitCode = 4) {
  return Object.assign(new Error(line), { exitCode });
}

/** A module of the build, by its name under dist. */
export function importBuilt(name) {
  return import(new URL(`../dist/${name}`, import.meta.url).href);
}

/** Runs a command of bin/ and turns what it throws into its exit code; anything unexpected keeps its stack. */
export async function runCommand(action) {
  try {
    process.exitCode = await action();
  } catch (error) {
    if (typeof error.exitCode !== 'number') throw error;
    if (error.message !== '') process.stderr.write(`${error.message}\n`);
    process.exitCode = error.exitCode;
  }
}

/** Starts a program and waits for its end. A signal that stops us stops it too, and then counts as the reason. */
export async function runProgram(command, args, options) {
  const child = spawn(command, args, { cwd: root, ...options });
  let stoppedBy;
  const timers = [];
  const forward = (signal) => {
    stoppedBy = stoppedBy ?? signal;
    // Ctrl-C reaches the whole group of the terminal. A second signal would cut a clean end short, so the child gets one from us
    // only when it is still there after a while: then the first was for us alone.
    timers.push(setTimeout(() => child.kill(signal), 2_000));
  };
  const signals = Object.keys(signalNumbers);
  for (const signal of signals) process.on(signal, forward);
  try {
    const code = await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (exitCode) => resolve(exitCode ?? 1));
    });
    if (stoppedBy !== undefined) throw stop('', 128 + signalNumbers[stoppedBy]);
    return code;
  } finally {
    for (const signal of signals) process.off(signal, forward);
    timers.forEach(clearTimeout);
  }
}

/** Creates the folder for state and logs. Says in one line when this folder cannot be written. */
export function makeStateFolder() {
  try {
    fs.mkdirSync(stateFolder, { recursive: true });
    fs.accessSync(root, fs.constants.W_OK);
  } catch (error) {
    throw stop(
      `This folder cannot be written (${error.code}): copy it to a place of your own, or change its permissions, then run this again.`,
    );
  }
}

/**
 * One step with its output in the log. `explain` gets that output and returns what to tell; the log's name is added to it.
 */
export async function runLoggedStep(title, [command, ...args], explain) {
  const startedMs = Date.now();
  const log = fs.openSync(path.join(root, logName), 'w');
  process.stdout.write(`${title} … `);
  try {
    const code = await runProgram(command, args, { stdio: ['ignore', log, log] });
    if (code === 0) {
      process.stdout.write(`${secondsSince(startedMs)}\n`);
      return;
    }
    process.stdout.write('failed\n');
  } catch (error) {
    process.stdout.write('stopped\n');
    if (error.code === 'ENOENT') throw stop(`${command} was not found: install Node's npm, then run this again.`);
    throw error;
  } finally {
    fs.closeSync(log);
  }
  throw stop(`${explain(fs.readFileSync(path.join(root, logName), 'utf8'))} Details: ${logName}`);
}

/**
 * One step that is a command of the build, with its own progress on the terminal. `act` gets what the command may write to and
 * returns its exit code. A failure is reported as `airlock: …` and then the details: the first becomes our line, the rest the log.
 */
export async function runOpenStep(title, act) {
  const startedMs = Date.now();
  const report = [];
  const write = (chunk, _encoding, done) => {
    const text = String(chunk);
    if (report.length > 0 || text.startsWith('airlock: ')) report.push(text);
    else process.stderr.write(text);
    done();
  };
  const stderr = Object.assign(new Writable({ write }), { columns: process.stderr.columns });
  process.stdout.write(`${title} …\n`);
  const code = await act({ stdout: process.stdout, stderr, env: process.env, isTerminal: process.stderr.isTTY === true });
  if (code === 0) {
    process.stdout.write(`${title} … ${secondsSince(startedMs)}\n`);
    return;
  }
  const [line = '', ...details] = report;
  if (details.length > 0) fs.writeFileSync(path.join(root, logName), report.join(''));
  throw stop(`${line.trimEnd()}${details.length > 0 ? `. Details: ${logName}` : ''}`, code);
}

function secondsSince(startedMs) {
  return `${((Date.now() - startedMs) / 1000).toFixed(1)} s`;
}
