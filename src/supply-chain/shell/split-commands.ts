// Shell text cut into simple commands with their words, as far as a reader can know them without running anything: quoting, continued lines, `&&`,
// pipes, groups, here-documents. What a variable or a substitution stands for is not known; such a word is marked, and its commands are read too.

export interface Word {
  /** Without quotes; `$NAME` stays as written where it is not known. */
  readonly text: string;
  /** A variable or substitution in it is not known. */
  readonly open: boolean;
}

export interface ShellCommand {
  readonly words: readonly Word[];
  /** Of its first word, from 1. */
  readonly line: number;
  /** Its output goes to the next command. */
  readonly piped: boolean;
}

const maxDepth = 8;
/** A text with more commands than this is no script that anybody wrote. */
const maxCommands = 100_000;
/** Waiting for their bodies at once. */
const maxHereDocuments = 16;
/** Of all that is put in for variables in one text. */
const maxInsertedLength = 1024 * 1024;

/** Variables that are known; what they stand for is put in and, without quotes, cut at blanks as a shell does. */
export type Variables = ReadonlyMap<string, string>;

/** Never throws; linear in the text. `firstLine` is the line of its beginning. */
export function splitCommands(text: string, firstLine: number, variables: Variables = new Map(), depth = 0): ShellCommand[] {
  return new ShellReader(text, firstLine, variables, depth).read();
}

class ShellReader {
  private at = 0;
  private line: number;
  private readonly commands: ShellCommand[] = [];
  private words: Word[] = [];
  private commandLine: number;
  private word = '';
  private hasWord = false;
  private open = false;
  private insertedLength = 0;
  private readonly nested: ShellCommand[] = [];
  private readonly hereDocuments: { readonly end: string; readonly stripTabs: boolean }[] = [];
  private readonly text: string;
  private readonly variables: Variables;
  private readonly depth: number;

  constructor(text: string, firstLine: number, variables: Variables, depth: number) {
    this.text = text;
    this.variables = variables;
    this.depth = depth;
    this.line = firstLine;
    this.commandLine = firstLine;
  }

  read(): ShellCommand[] {
    while (this.at < this.text.length && this.commands.length < maxCommands) this.step();
    this.endCommand(false);
    return [...this.commands, ...this.nested];
  }

  private step(): void {
    const letter = this.text[this.at];
    switch (letter) {
      case '\\':
        this.escape();
        return;
      case "'":
        this.singleQuoted();
        return;
      case '"':
        this.doubleQuoted();
        return;
      case '$':
      case '`':
        this.substitution(false);
        return;
      case '\n':
        this.endCommand(false);
        this.at++;
        this.line++;
        this.skipHereDocuments();
        return;
      case ' ':
      case '\t':
      case '\r':
        this.endWord();
        this.at++;
        return;
      case '#':
        if (this.hasWord) {
          this.take(letter);
          return;
        }
        while (this.at < this.text.length && this.text[this.at] !== '\n') this.at++;
        return;
      case ';':
      case '(':
      case ')':
        this.endCommand(false);
        this.at++;
        return;
      case '&':
      case '|': {
        // `2>&1` and `&>file` are redirections, not ends.
        if (letter === '&' && (this.text[this.at - 1] === '>' || this.text[this.at + 1] === '>')) {
          this.take(letter);
          return;
        }
        const isDouble = this.text[this.at + 1] === letter;
        this.endCommand(letter === '|' && !isDouble);
        this.at += isDouble ? 2 : 1;
        return;
      }
      case '<':
      case '>':
        this.redirection();
        return;
      default:
        this.take(letter);
        return;
    }
  }

  private take(letter: string): void {
    if (!this.hasWord && this.words.length === 0) this.commandLine = this.line;
    this.word += letter;
    this.hasWord = true;
    this.at++;
  }

  private escape(): void {
    const next = this.text[this.at + 1];
    if (next === '\n' || (next === '\r' && this.text[this.at + 2] === '\n')) {
      this.at += next === '\r' ? 3 : 2;
      this.line++;
      return;
    }
    this.at++;
    if (next !== undefined) this.take(next);
  }

  private singleQuoted(): void {
    const end = this.text.indexOf("'", this.at + 1);
    const stop = end === -1 ? this.text.length : end;
    this.startWord();
    const inside = this.text.slice(this.at + 1, stop);
    this.word += inside;
    for (const letter of inside) if (letter === '\n') this.line++;
    this.at = stop + 1;
  }

  private doubleQuoted(): void {
    this.startWord();
    this.at++;
    while (this.at < this.text.length && this.text[this.at] !== '"') {
      const letter = this.text[this.at];
      if (letter === '$' || letter === '`') {
        this.substitution(true);
        continue;
      }
      if (letter === '\\' && this.text[this.at + 1] === '\n') {
        this.line++;
        this.at += 2;
        continue;
      }
      if (letter === '\\' && '"\\$`'.includes(this.text[this.at + 1] ?? ' ')) this.at++;
      if (this.text[this.at] === '\n') this.line++;
      this.word += this.text[this.at] ?? '';
      this.at++;
    }
    this.at++;
  }

  private startWord(): void {
    if (!this.hasWord && this.words.length === 0) this.commandLine = this.line;
    this.hasWord = true;
  }

  /** `$NAME`, `${NAME}`, `$(…)`, a backquote, and `${{ … }}` of GitHub. */
  private substitution(quoted: boolean): void {
    this.startWord();
    const rest = this.text.slice(this.at, this.at + 256);
    const [plain = '', name] = /^\$([A-Za-z_]\w{0,127})/.exec(rest) ?? /^\$\{([A-Za-z_]\w{0,127})\}/.exec(rest) ?? [];
    if (name !== undefined) {
      this.at += plain.length;
      this.insert(this.variables.get(name), plain, quoted);
      return;
    }
    const [braced, bracedName, fallback] = /^\$\{([A-Za-z_]\w{0,127}):?-([^{}$`"']{0,200})\}/.exec(rest) ?? [];
    if (braced !== undefined) {
      this.at += braced.length;
      this.insert(this.variables.get(bracedName) || fallback, braced, quoted);
      return;
    }
    const [github, expression] = /^\$\{\{\s{0,20}([\w.-]{1,160})\s{0,20}\}\}/.exec(rest) ?? [];
    if (github !== undefined) {
      this.at += github.length;
      this.insert(this.variables.get(expression), github, quoted);
      return;
    }
    this.unknown();
  }

  private insert(value: string | undefined, written: string, quoted: boolean): void {
    this.insertedLength += value?.length ?? 0;
    if (value === undefined || this.insertedLength > maxInsertedLength) {
      this.word += written;
      this.open = true;
      return;
    }
    if (quoted || !/\s/.test(value)) {
      this.word += value;
      return;
    }
    const parts = value.split(/\s+/);
    for (const [at, part] of parts.entries()) {
      if (at > 0) {
        this.endWord();
        this.startWord();
      }
      this.word += part;
    }
  }

  private unknown(): void {
    this.open = true;
    const opener = this.text[this.at];
    const next = this.text[this.at + 1];
    const close = opener === '`' ? '`' : next === '(' ? ')' : next === '{' ? '}' : undefined;
    if (close === undefined) {
      this.word += opener;
      this.at++;
      return;
    }
    const start = this.at + (opener === '`' ? 1 : 2);
    const end = this.closing(start, opener === '`' ? '' : next, close);
    const inside = this.text.slice(start, end);
    if (close !== '}' && this.depth < maxDepth) {
      for (const command of splitCommands(inside, this.line, this.variables, this.depth + 1)) this.nested.push(command);
    }
    this.word += this.text.slice(this.at, Math.min(end + 1, this.at + 64));
    for (const letter of inside) if (letter === '\n') this.line++;
    this.at = end + 1;
  }

  private closing(start: number, opener: string, close: string): number {
    let level = 1;
    for (let at = start; at < this.text.length; at++) {
      const letter = this.text[at];
      if (letter === '\\') at++;
      else if (letter === opener) level++;
      else if (letter === close && --level === 0) return at;
    }
    return this.text.length;
  }

  private redirection(): void {
    const [here, dash, quote, end] =
      /^<<(-?)[ \t]{0,8}(["']?)([A-Za-z_]\w{0,63})\2/.exec(this.text.slice(this.at, this.at + 96)) ?? [];
    if (here !== undefined && quote !== undefined && this.hereDocuments.length < maxHereDocuments) {
      this.endWord();
      this.hereDocuments.push({ end, stripTabs: dash === '-' });
      this.at += here.length;
      return;
    }
    // `tensorflow>2` without quotes writes a file named 2: to a shell the word ends here, and pip never sees the bound.
    if (!/^\d$/.test(this.word)) this.endWord();
    this.take(this.text[this.at]);
    while (this.text[this.at] === '>' || this.text[this.at] === '<') this.take(this.text[this.at]);
  }

  private skipHereDocuments(): void {
    for (let document = this.hereDocuments.shift(); document !== undefined; document = this.hereDocuments.shift()) {
      const [start, firstLine] = [this.at, this.line];
      let end = this.text.length;
      while (this.at < this.text.length) {
        const newline = this.text.indexOf('\n', this.at);
        const stop = newline === -1 ? this.text.length : newline;
        const line = this.text.slice(this.at, stop).replace(/\r$/, '');
        end = this.at;
        this.at = stop + 1;
        this.line++;
        if ((document.stripTabs ? line.replace(/^\t+/, '') : line) === document.end) break;
        end = this.text.length;
      }
      // It may be fed to a shell; where it is not, its lines are no installations.
      if (this.depth < maxDepth)
        for (const command of splitCommands(this.text.slice(start, end), firstLine, this.variables, this.depth + 1))
          this.nested.push(command);
    }
  }

  private endWord(): void {
    if (this.hasWord) this.words.push({ text: this.word, open: this.open });
    this.word = '';
    this.hasWord = false;
    this.open = false;
  }

  private endCommand(piped: boolean): void {
    this.endWord();
    if (this.words.length > 0) this.commands.push({ words: this.words, line: this.commandLine, piped });
    this.words = [];
  }
}
