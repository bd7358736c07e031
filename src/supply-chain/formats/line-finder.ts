// Lines of values that a parser gives without their places (TOML, JSON): the next line that shows the text, so that the same text twice is found twice.

/** Lines looked at in one document, so that a hostile one cannot make a search of each of its lines for each of its lines. */
const maxLooks = 3_000_000;

export class LineFinder {
  private readonly lines: readonly string[];
  private readonly nextAfter = new Map<string, number>();
  private looks = 0;

  constructor(text: string) {
    this.lines = text.split('\n');
  }

  /**
   * The next line, from 1, that contains all of `parts`, after the one that the same question found before; the last one found, or 1, when there
   * is none.
   */
  next(...parts: readonly string[]): number {
    return this.find(parts.join('\n'), (line) => parts.every((part) => line.includes(part)));
  }

  /** The same for a line that is `text` and nothing else but blanks. */
  nextWhole(text: string): number {
    return this.find(`=${text}`, (line) => line.trim() === text);
  }

  private find(key: string, fits: (line: string) => boolean): number {
    const from = this.nextAfter.get(key) ?? 0;
    for (let at = from; at < this.lines.length && this.looks < maxLooks; at++) {
      this.looks++;
      if (!fits(this.lines[at])) continue;
      this.nextAfter.set(key, at + 1);
      return at + 1;
    }
    return Math.max(1, from);
  }

  /** The first line that matches, or 1. */
  first(pattern: RegExp): number {
    for (let at = 0; at < this.lines.length && this.looks < maxLooks; at++) {
      this.looks++;
      if (pattern.test(this.lines[at])) return at + 1;
    }
    return 1;
  }
}
