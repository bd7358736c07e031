// Collects the oddities of an encoding. Bounded: a hostile file could have one in each of millions of messages.
import { printable } from '../../core/index.ts';

const maxNotes = 200;

export class Notes {
  readonly #texts = new Set<string>();
  #leftOut = false;

  /** `name` comes from the file. */
  add(text: string, name?: string): void {
    if (this.#leftOut) return;
    if (this.#texts.size >= maxNotes) this.#leftOut = true;
    this.#texts.add(this.#leftOut ? 'there is more of this kind' : name === undefined ? text : `${text} "${printable(name)}"`);
  }

  get texts(): readonly string[] {
    return [...this.#texts];
  }
}
