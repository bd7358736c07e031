// Word lists that are too long for the contract itself: collected while a schema is imported, written beside the contract by whoever asked.
import { createHash } from 'node:crypto';
import type { Vocabulary } from '../contract/index.ts';

export class VocabularyFiles {
  readonly #files = new Map<string, Buffer>();

  /** Words with line ends cannot stand in a file of one word per line. */
  static canHold(words: readonly string[]): boolean {
    return words.length > 0 && !words.some((word) => word === '' || /[\r\n]/.test(word) || word.startsWith('\ufeff'));
  }

  /** The file's name says the feature's, as far as it is harmless, and its content's digest. */
  add(feature: string, words: readonly string[], maxUnknownFraction: number): Vocabulary {
    const entries = new Set(words);
    const bytes = Buffer.from([...entries].map((word) => `${word}\n`).join(''));
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const label = feature.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 40);
    const file = `${label}-${sha256.slice(0, 12)}.vocabulary.txt`;
    this.#files.set(file, bytes);
    return { file, sha256, maxUnknownFraction, entries };
  }

  /** Content by name; each belongs into the contract's own folder. */
  get files(): ReadonlyMap<string, Buffer> {
    return this.#files;
  }
}
