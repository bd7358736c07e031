// Lets Stryker try a part of the mutants: a random sample (MUTATION_SHARE of 1, default all, drawn by a hash, so that it is the same one
// each time), or exactly those listed in the file MUTATION_LIST. The rest is reported as "CompileError", the only way a checker has.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

const share = Number(process.env.MUTATION_SHARE ?? 1);
const list = process.env.MUTATION_LIST;
/** @type {Set<string> | undefined} */
const wanted = list === undefined ? undefined : new Set(JSON.parse(fs.readFileSync(list, 'utf8')));

/**
 * The same for the same change at the same place of a file.
 * @param {{ fileName: string, mutatorName: string, replacement?: string, location: { start: { line: number, column: number } } }} mutant
 */
export function keyOf({ fileName, mutatorName, replacement, location }) {
  const file = path.isAbsolute(fileName) ? path.relative(process.cwd(), fileName) : fileName;
  const at = `${location.start.line}:${location.start.column}`;
  return createHash('sha256').update(`${file}\n${at}\n${mutatorName}\n${replacement}`).digest('hex').slice(0, 16);
}

/** @param {Parameters<typeof keyOf>[0]} mutant */
function isWanted(mutant) {
  const key = keyOf(mutant);
  return wanted?.has(key) ?? Number.parseInt(key.slice(0, 8), 16) < share * 2 ** 32;
}

class SampleChecker {
  async init() {}

  /** @param {(Parameters<typeof keyOf>[0] & { id: string })[]} mutants */
  async check(mutants) {
    return Object.fromEntries(
      mutants.map((mutant) => [
        mutant.id,
        isWanted(mutant) ? { status: 'passed' } : { status: 'compileError', reason: 'not in the sample' },
      ]),
    );
  }

  /** @param {{ id: string }[]} mutants */
  async group(mutants) {
    return [mutants.map(({ id }) => id)];
  }
}

export const strykerPlugins = [{ kind: 'Checker', name: 'sample', injectableClass: SampleChecker }];
