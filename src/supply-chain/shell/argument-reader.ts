// Arguments of one command that installs: packages, options with values, files of requirements, indexes. Which words are packages was decided before.
import type { Fact, IndexOption, PackageUse, Place } from '../supply-chain-types.ts';
import { condaUse } from './conda-spec.ts';
import { constraintFileOptions, indexOptions, requirementFileOptions, valueOptions } from './index-settings.ts';
import { requirementUse } from './requirement-use.ts';
import type { Word } from './split-commands.ts';

/** Reads the arguments of a command from word `from` on; options count from its beginning. */
export class ArgumentReader {
  private readonly facts: Fact[] = [];
  private hashes = 0;
  private readonly words: readonly Word[];
  private readonly from: number;
  private readonly place: Place;
  private readonly lead: string;
  private readonly form: 'pip' | 'conda';

  constructor(words: readonly Word[], from: number, place: Place, lead: string, form: 'pip' | 'conda') {
    this.words = words;
    this.from = from;
    this.place = place;
    this.lead = lead;
    this.form = form;
  }

  read(): Fact[] {
    let channel: string | undefined;
    for (let at = 1; at < this.words.length; at++) {
      const { text } = this.words[at];
      if (!text.startsWith('-') || text === '-') {
        if (at >= this.from) this.argument(at, channel);
        continue;
      }
      const [option, inline] = optionOf(text);
      const value: Word | undefined = inline === undefined ? this.words[at + 1] : { text: inline, open: this.words[at].open };
      const took = this.option(option, value, at);
      if (this.form === 'conda' && (option === '-c' || option === '--channel')) channel = value?.text;
      if (took && inline === undefined) at++;
    }
    // `--hash` on the command line holds for all of them in practice: pip then wants one for each.
    return this.hashes === 0
      ? this.facts
      : this.facts.map((fact) => (fact.kind === 'package' ? { ...fact, hashed: true } : fact));
  }

  /** True when the next word belongs to it. */
  private option(option: string, value: Word | undefined, at: number): boolean {
    if (this.form === 'conda') return this.condaOption(option, value);
    const isRequirements = requirementFileOptions.has(option);
    if (isRequirements || constraintFileOptions.has(option)) {
      if (value === undefined) return true;
      if (value.open) this.gap(`which file ${option} reads is decided by ${value.text}`);
      else if (value.text !== '-' && !value.text.startsWith('/dev/')) {
        this.facts.push({ kind: 'include', place: this.place, path: value.text, constraint: !isRequirements });
      }
      return true;
    }
    const index = indexOptions.get(option);
    if (index !== undefined) {
      for (const part of (value?.text ?? '').split(/\s+/)) this.index(index, part);
      return true;
    }
    if (option === '--hash') {
      this.hashes++;
      return true;
    }
    if (option === '--with' && value !== undefined) {
      for (const part of value.text.split(',')) this.requirement(part, value.open, at + 1);
      return true;
    }
    if (option === '-e' || option === '--editable') {
      if (value !== undefined) this.requirement(value.text, value.open, at + 1);
      return true;
    }
    return valueOptions.has(option);
  }

  private condaOption(option: string, value: Word | undefined): boolean {
    if (option !== '-f' && option !== '--file') return condaValueOptions.has(option);
    if (value !== undefined && !value.open)
      this.facts.push({ kind: 'include', place: this.place, path: value.text, constraint: false });
    return true;
  }

  private index(option: IndexOption, value: string): void {
    this.facts.push({ kind: 'index', place: this.place, option, value, scope: 'file' });
  }

  private argument(at: number, channel: string | undefined): void {
    const { text, open } = this.words[at];
    if (this.form === 'pip') {
      this.requirement(text, open, at);
      return;
    }
    if (open) {
      this.gap(`what conda installs is decided by ${text}`);
      return;
    }
    this.facts.push(condaUse(text, { place: this.place, role: 'command', write: this.writer(at), channel }));
  }

  private requirement(text: string, open: boolean, at: number): void {
    // PowerShell and cmd leave carets and stray quotes.
    const clean = text.replace(/^['"]+|['"]+$/g, '').trim();
    if (clean === '') return;
    if (open) {
      const [name] = /^[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[A-Za-z0-9,._-]*\])?(?=[=<>~! @])/.exec(clean) ?? [];
      const bare = name?.replace(/\[.*$/, '');
      if (bare === undefined) {
        if (directIsOwn(clean)) return;
        this.gap(`what is installed is decided by ${text}`);
        return;
      }
      this.facts.push({ ...this.common(at), name: bare, specifier: undefined });
      return;
    }
    const use = requirementUse(poetryForm(clean), { place: this.place, role: 'command', write: this.writer(at) });
    if (use !== undefined) this.facts.push(use);
  }

  private common(at: number): Pick<PackageUse, 'kind' | 'place' | 'role' | 'hashed' | 'write'> {
    return { kind: 'package', place: this.place, role: 'command', hashed: false, write: this.writer(at) };
  }

  private gap(reason: string): void {
    this.facts.push({ kind: 'gap', place: this.place, reason });
  }

  private writer(at: number): PackageUse['write'] {
    const lead = this.lead;
    return (name, specifier) => {
      const words = this.words.map(({ text }, index) => (index === at ? `${name}${specifier}` : text));
      return `${lead}${words.map(quoted).join(' ')}`;
    };
  }
}

const condaValueOptions: ReadonlySet<string> = new Set([
  '-n',
  '--name',
  '-p',
  '--prefix',
  '-c',
  '--channel',
  '--solver',
  '--platform',
  '--subdir',
]);

/** A folder or file of the project whose exact name a variable holds. */
function directIsOwn(text: string): boolean {
  return /^(?:\.{0,2}\/|\$\{?\w+\}?\/)/.test(text) && !/tensorflow|keras/i.test(text);
}

/** `--option=value` and `-rfile`. */
function optionOf(text: string): readonly [string, string | undefined] {
  const equals = text.indexOf('=');
  if (text.startsWith('--')) return equals === -1 ? [text, undefined] : [text.slice(0, equals), text.slice(equals + 1)];
  const short = text.slice(0, 2);
  const takes = requirementFileOptions.has(short) || constraintFileOptions.has(short) || indexOptions.has(short);
  return takes && text.length > 2 ? [short, text.slice(2).replace(/^=/, '')] : [text, undefined];
}

/** `tensorflow@^2.16` and `tensorflow@latest` of poetry and uv. */
function poetryForm(text: string): string {
  const [, name, version] = /^([A-Za-z0-9._-]{1,100}(?:\[[^\]]{0,100}\])?)@([\^~]?)(?=[\dl])/.exec(text) ?? [];
  if (name === undefined) return text;
  const rest = text.slice(text.indexOf('@') + 1);
  if (rest === 'latest') return name;
  return `${name}${version === '' ? '==' : version === '~' ? '~=' : '>='}${rest.slice(version.length)}`;
}

function quoted(text: string): string {
  return /^[\w@%+=:,./$({})-]+$/.test(text) ? text : `"${text}"`;
}
