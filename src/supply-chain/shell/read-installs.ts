// What shell commands install: pip, uv, poetry, pdm, pipenv, pipx, easy_install and conda with their arguments, settings in variables, and scripts
// that go from the network into a shell. Reads words only and runs nothing.
import type { Fact, Place } from '../supply-chain-types.ts';
import { ArgumentReader } from './argument-reader.ts';
import { indexKeys, indexVariables } from './index-settings.ts';
import { type ShellCommand, splitCommands, type Variables, type Word } from './split-commands.ts';

/** Words before a command that change nothing about what it installs. */
const prefixes: ReadonlySet<string> = new Set([
  'if', 'then', 'else', 'elif', 'do', 'while', 'until', '!', '{', 'time', 'sudo', 'env', 'exec', 'command', 'nice', 'nohup', 'xvfb-run', 'export',
  'ENV', 'micromamba-run', 'call', 'source', 'eval', 'retry', 'travis_retry', '-', '@',
]); // biome-ignore format: a list of words

const shells: ReadonlySet<string> = new Set(['sh', 'bash', 'zsh', 'dash', 'ash', 'ksh']);
const maxNesting = 4;

export interface InstallContext {
  readonly file: string;
  readonly variables?: Variables;
  /** `file` by default: an index set here holds for what this file installs. */
  readonly scope?: 'file' | 'project';
  /** What stands before the command in a fix line, such as `RUN `. */
  readonly lead?: string;
}

/** Facts about a piece of shell text that begins on line `line`. */
export function readShell(text: string, line: number, context: InstallContext): Fact[] {
  return readCommands(splitCommands(text, line, context.variables), context, 0);
}

/** Facts about one command that was written as a list of words. */
export function readWords(words: readonly string[], line: number, context: InstallContext): Fact[] {
  return readCommands([{ words: words.map((text) => ({ text, open: false })), line, piped: false }], context, 0);
}

/** Facts about a variable of the environment. */
export function readVariable(name: string, value: string, place: Place, scope: 'file' | 'project' = 'file'): Fact[] {
  const option = indexVariables.get(name);
  if (option === undefined) return [];
  return value
    .split(/\s+/)
    .filter((part) => part !== '')
    .map((part) => ({ kind: 'index', place, option, value: part, scope }));
}

function readCommands(commands: readonly ShellCommand[], context: InstallContext, depth: number): Fact[] {
  const facts: Fact[] = [];
  for (const [at, command] of commands.entries()) {
    const place = { file: context.file, line: command.line };
    const words = withoutPrefixes(command.words, place, facts);
    if (words.length === 0) continue;
    const name = programName(words[0].text);
    if ((name === 'curl' || name === 'wget') && command.piped && runsInput(commands[at + 1]))
      facts.push({ kind: 'piped-script', place, text: textOf(command.words) });
    if (shells.has(name)) facts.push(...readNestedShell(words, command, context, depth));
    else facts.push(...readTool(name, words, place, context));
  }
  return facts;
}

/** Assignments before a command are settings; what is left begins with the program. */
function withoutPrefixes(all: readonly Word[], place: Place, facts: Fact[]): readonly Word[] {
  let at = 0;
  for (; at < all.length; at++) {
    const { text } = all[at];
    const [, variable, value] = /^([A-Za-z_]\w{0,127})=(.*)$/s.exec(text) ?? [];
    if (variable !== undefined) facts.push(...readVariable(variable, value, place));
    else if (!prefixes.has(text) && !(at > 0 && text.startsWith('-') && prefixes.has(all[at - 1].text))) break;
  }
  return all
    .slice(at)
    .filter(({ text }, index, words) => !isRedirection(text) && !isRedirection(words[index - 1]?.text ?? '', true));
}

/** `>file`, `2>&1`; alone, what follows is the file. */
function isRedirection(text: string, alone = false): boolean {
  return (alone ? /^[\d&]?[<>]{1,3}$/ : /^[\d&]?[<>]/).test(text);
}

function programName(text: string): string {
  const last = text.slice(Math.max(text.lastIndexOf('/'), text.lastIndexOf('\\')) + 1);
  return last.replace(/\.exe$/i, '');
}

function runsInput(next: ShellCommand | undefined): boolean {
  const words = (next?.words ?? []).filter(({ text }) => !prefixes.has(text));
  const name = programName(words[0]?.text ?? '');
  return shells.has(name) || /^python[\d.]*$/.test(name);
}

function readNestedShell(words: readonly Word[], { line }: ShellCommand, context: InstallContext, depth: number): Fact[] {
  const at = words.findIndex(({ text }) => /^-[a-z]*c[a-z]*$/.test(text));
  const place = { file: context.file, line };
  const script = words[at + 1];
  // `sh -c "$(curl …)"` and `bash <(curl …)`.
  const rest = words.slice(1).find(({ text }) => /^(?:\$\(|`|<\()\s{0,8}(?:curl|wget)\b/.test(text));
  if (rest !== undefined) return [{ kind: 'piped-script', place, text: textOf(words) }];
  if (at === -1 || script === undefined || depth >= maxNesting) return [];
  return readCommands(splitCommands(script.text, line, context.variables), context, depth + 1);
}

type Reader = 'pip' | 'conda' | 'config' | 'none';

/** Which arguments are packages, and how they are written. */
function readTool(name: string, words: readonly Word[], place: Place, context: InstallContext): Fact[] {
  const texts = words.map(({ text }) => text);
  const [reader, from] = toolOf(name, texts);
  if (reader === 'pip') return new ArgumentReader(words, from, place, context.lead ?? '', 'pip').read();
  if (reader === 'conda') return new ArgumentReader(words, from, place, context.lead ?? '', 'conda').read();
  if (reader === 'config') {
    const [key = '', value = ''] = texts.slice(from).filter((text) => !text.startsWith('-'));
    const option = indexKeys.get(key.slice(key.indexOf('.') + 1));
    return option === undefined ? [] : [{ kind: 'index', place, option, value, scope: context.scope ?? 'file' }];
  }
  return [];
}

const installs: ReadonlySet<string> = new Set(['install', 'download', 'wheel']);

function toolOf(name: string, words: readonly string[]): readonly [Reader, number] {
  const none = ['none', 0] as const;
  // The first word that is no option, from `at` on.
  const verb = (at: number): number => {
    const found = words.findIndex((word, index) => index >= at && !word.startsWith('-'));
    return found === -1 ? words.length : found;
  };
  if (/^pip[\d.]*$/.test(name) || /^\$[({]?\w*PIP\w*[)}]?$/i.test(name)) return pipVerb(words, verb(1));
  if (/^(?:python|pypy)[\d.]*$/.test(name) || /^\$[({]?\w*PYTHON\w*[)}]?$/i.test(name) || name === 'py') {
    const module = words.indexOf('-m');
    return module !== -1 && module < 6 && words[module + 1] === 'pip' ? pipVerb(words, verb(module + 2)) : none;
  }
  const at = verb(1);
  const second = words[at];
  switch (name) {
    case 'uv':
      if (second === 'pip') return pipVerb(words, verb(at + 1));
      if (second === 'add') return ['pip', at + 1];
      if (second === 'tool') return words[at + 1] === 'install' || words[at + 1] === 'run' ? ['pip', at + 2] : none;
      // What follows `uv run` is a program; only its options are installed.
      return second === 'run' ? ['pip', words.length] : none;
    case 'uvx':
      return ['pip', words.length];
    case 'poetry':
    case 'pdm':
    case 'rye':
      return second === 'add' ? ['pip', at + 1] : second === 'run' ? toolAfter(words, at + 1) : none;
    case 'pipenv':
      return second === 'install' ? ['pip', at + 1] : second === 'run' ? toolAfter(words, at + 1) : none;
    case 'pipx':
      return second === 'install' || second === 'inject' ? ['pip', at + 1] : none;
    case 'easy_install':
      return ['pip', 1];
    case 'conda':
    case 'mamba':
    case 'micromamba':
      if (second === 'run') {
        const inner = words.findIndex((word, index) => index > at && /^(?:pip[\d.]*|python[\d.]*|uv)$/.test(programName(word)));
        return inner === -1 ? none : toolAfter(words, inner);
      }
      return ['install', 'create', 'update', 'upgrade'].includes(second ?? '') ? ['conda', at + 1] : none;
    default:
      return none;
  }
}

function toolAfter(words: readonly string[], at: number): readonly [Reader, number] {
  const rest = words.slice(at);
  const [reader, from] = toolOf(programName(rest[0] ?? ''), rest);
  return [reader, from + at];
}

function pipVerb(words: readonly string[], at: number): readonly [Reader, number] {
  if (installs.has(words[at] ?? '')) return ['pip', at + 1];
  if (words[at] === 'config' && words[at + 1] === 'set') return ['config', at + 2];
  return ['none', 0];
}

function textOf(words: readonly Word[]): string {
  return words.map(({ text }) => text).join(' ');
}
