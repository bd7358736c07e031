// What did not come across between a TFDV schema and a contract. Nothing is dropped without a line here: a rule that people believe to be
// there, and that is not, is worse than none.
import { printable } from '../../core/index.ts';

export interface TransferNote {
  /** The feature, or the contract's path, it is about; empty for the whole. */
  readonly path: string;
  /** The field of the TFDV schema, from the feature down: `presence.min_count`. Empty for the whole feature. */
  readonly tfdvField: string;
  readonly what: string;
  readonly why: string;
}

export interface TransferReport {
  /** What the other format cannot say, and what is therefore not checked (or not said) any more. */
  readonly lost: readonly TransferNote[];
  /** What is said in other words, or more strictly than before. */
  readonly changed: readonly TransferNote[];
}

export class TransferNotes implements TransferReport {
  readonly #lost: TransferNote[] = [];
  readonly #changed: TransferNote[] = [];

  lose(path: string, tfdvField: string, what: string, why: string): void {
    this.#lost.push({ path, tfdvField, what, why });
  }

  change(path: string, tfdvField: string, what: string, why: string): void {
    this.#changed.push({ path, tfdvField, what, why });
  }

  get lost(): readonly TransferNote[] {
    return this.#lost;
  }

  get changed(): readonly TransferNote[] {
    return this.#changed;
  }
}

function lines(title: string, notes: readonly TransferNote[]): string {
  if (notes.length === 0) return '';
  // The same thing is usually true of many features.
  const groups = new Map<string, { note: TransferNote; paths: string[] }>();
  for (const note of notes) {
    const key = JSON.stringify([note.tfdvField, note.what, note.why]);
    const group = groups.get(key) ?? { note, paths: [] };
    group.paths.push(printable(note.path === '' ? '(whole)' : note.path, 160));
    groups.set(key, group);
  }
  const text = [...groups.values()].map(({ note, paths }) => {
    const shown = paths.length > 5 ? `${paths.slice(0, 5).join(', ')} and ${paths.length - 5} more` : paths.join(', ');
    const field = note.tfdvField === '' ? '' : ` [${note.tfdvField}]`;
    return `  ${shown}${field}: ${printable(note.what, 200)}; ${printable(note.why, 300)}\n`;
  });
  return `${title}\n${text.join('')}`;
}

/** The report for people; empty when there is nothing to say. */
export function formatTransferReport({ lost, changed }: TransferReport): string {
  return lines('Lost:', lost) + lines('Said differently:', changed);
}
