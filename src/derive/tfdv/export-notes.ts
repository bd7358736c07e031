// The report of an export, complete by construction: an exporter says what it wrote, and whatever else the contract holds is reported as
// lost, whether anybody thought of it or not.
import type { Contract } from '../../contract/index.ts';
import { contractContent } from '../changes/index.ts';
import { TransferNotes, type TransferReport } from './transfer-report.ts';

export const noWord = 'TFDV has no such rule';

/** Values that let everything through: nothing is lost with them. */
const neutral: ReadonlySet<unknown> = new Set(['allow', 'ignore', 'nearest', 'binary', false]);

/** Names, and how a server counts and answers: nothing that data could keep or break. */
const aboutServing = /^(?:metadata|maxViolations|sampleFraction|cost)\b/;

/** `path` and the places that it is in, the innermost first. */
function* enclosing(path: string): Generator<string> {
  yield path;
  for (let end = path.length - 1; end > 0; end--) {
    const next = path.charAt(end);
    if (next === '.' || next === '[') yield path.slice(0, end);
  }
}

export class ExportNotes extends TransferNotes {
  readonly #said = new Set<string>();
  readonly #places = new Set<string>();

  /** The tensor, or feature, that paths below `path` belong to. */
  place(path: string): void {
    this.#places.add(path);
  }

  /** All that the contract has at `path`, and below, is in the export. */
  say(path: string): void {
    this.#said.add(path);
  }

  /** The report, with all of `contract` in it that was neither said nor noted. */
  finish(contract: Contract): TransferReport {
    const noted = new Set([...this.lost, ...this.changed].map(({ path }) => path));
    for (const [path, { value, kind, mode }] of contractContent(contract).leaves) {
      // Modes and actions have a note of their own, for all the rules of a tensor.
      if (kind !== 'rule' || mode === 'off' || neutral.has(value) || aboutServing.test(path)) continue;
      let place = '';
      let isKnown = false;
      for (const outer of enclosing(path)) {
        isKnown ||= this.#said.has(outer) || noted.has(outer);
        if (place === '' && this.#places.has(outer)) place = outer;
      }
      if (!isKnown) this.lose(path, '', `the rule ${path.slice(place === '' ? 0 : place.length + 1)}`, noWord);
    }
    return { lost: this.lost, changed: this.changed };
  }
}
