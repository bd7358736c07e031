// Dockerfiles and Containerfiles: base images, what RUN installs, and variables that change where packages come from. ARG and ENV with values are put in.
// Reads the form that BuildKit documents: escape directive, continued lines, comments inside them, here-documents, exec form.
import { readShell, readVariable, readWords } from '../shell/index.ts';
import type { Fact, Place, ProjectFile } from '../supply-chain-types.ts';
import { listOf, parseJson } from './data-values.ts';

interface Instruction {
  readonly name: string;
  /** Continued lines as `\` and a newline, so that lines can be counted. */
  readonly body: string;
  readonly line: number;
}

/** A variable with more holds no name or version; and variables that hold variables would double with each line. */
const maxValueLength = 1_024;
/** Of all that is put in for variables in one file. */
const maxFilledLength = 1024 * 1024;

export function readDockerfile({ file, text }: ProjectFile): Fact[] {
  return new DockerfileReader(file).read(instructionsOf(text));
}

function instructionsOf(text: string): Instruction[] {
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
  const escapeMark = lines.slice(0, 4).some((line) => /^#\s*escape\s*=\s*`/i.test(line)) ? '`' : '\\';
  const found: Instruction[] = [];
  for (let at = 0; at < lines.length; at++) {
    if (/^\s*(?:#|$)/.test(lines[at])) continue;
    const start = at;
    const parts: string[] = [];
    for (; at < lines.length; at++) {
      const line = lines[at];
      // Comments and empty lines inside a continued instruction do not end it.
      if (at > start && /^\s*(?:#|$)/.test(line)) {
        parts.push('\\');
        continue;
      }
      const trimmed = line.trimEnd();
      const goesOn = trimmed.endsWith(escapeMark);
      parts.push(goesOn ? `${trimmed.slice(0, -1)}\\` : line);
      if (!goesOn) break;
    }
    const body = [parts.join('\n')];
    at = takeHereDocuments(lines, at, body);
    const [, name, rest] = /^\s*([A-Za-z]+)(.*)$/s.exec(body[0]) ?? [];
    if (name !== undefined) found.push({ name: name.toUpperCase(), body: rest, line: start + 1 });
  }
  return found;
}

/** Bodies of here-documents belong to the instruction; gives the last line that does. */
function takeHereDocuments(lines: readonly string[], at: number, body: string[]): number {
  if (!/^\s*(?:RUN|COPY|ADD)\b/i.test(body[0])) return at;
  let last = at;
  for (const [, dash, , end] of body[0].slice(0, 4_096).matchAll(/<<(-?)(["']?)([A-Za-z_]\w{0,63})\2/g)) {
    while (last + 1 < lines.length) {
      last++;
      body[0] += `\n${lines[last]}`;
      if ((dash === '-' ? lines[last].replace(/^\t+/, '') : lines[last]) === end) break;
    }
  }
  return last;
}

class DockerfileReader {
  private readonly facts: Fact[] = [];
  private readonly variables = new Map<string, string>();
  private readonly stages = new Set<string>();
  private filledLength = 0;
  private readonly file: string;

  constructor(file: string) {
    this.file = file;
  }

  read(instructions: readonly Instruction[]): Fact[] {
    for (const { name, body, line } of instructions) {
      const place = { file: this.file, line };
      if (name === 'FROM') this.from(flat(body), place);
      else if (name === 'ARG' || name === 'ENV') this.settings(flat(body), place);
      else if (name === 'RUN') this.run(body, line);
      else if (name === 'COPY' || name === 'ADD') this.copy(flat(body), place);
    }
    return this.facts;
  }

  private from(body: string, place: Place): void {
    const words = body.trim().split(/\s+/);
    const at = words.findIndex((word) => !word.startsWith('--'));
    const image = this.filled(words[at] ?? '');
    const isStage = this.stages.has(image.toLowerCase());
    const alias = words[at + 1]?.toLowerCase() === 'as' ? words[at + 2] : undefined;
    if (alias !== undefined) this.stages.add(alias.toLowerCase());
    if (isStage || image === 'scratch' || image === '') return;
    if (image.includes('$')) {
      this.facts.push({ kind: 'gap', place, reason: `which image it builds from is decided by ${image}` });
      return;
    }
    const others = words.slice(at + 1).join(' ');
    const flags = words.slice(0, at).join(' ');
    const write = (other: string): string => ['FROM', flags, other, others].filter((part) => part !== '').join(' ');
    this.facts.push({ kind: 'image', place, image, write });
  }

  /** `ARG NAME=value …`, `ENV NAME=value …`, and the old `ENV NAME value`. */
  private settings(body: string, place: Place): void {
    const text = body.trim();
    const pairs = [...text.matchAll(/([A-Za-z_]\w{0,127})=("(?:[^"\\]|\\.){0,4096}"|'[^']{0,4096}'|[^\s"']{0,4096})/g)];
    const [, oldName, oldValue] = /^([A-Za-z_]\w{0,127})\s+([^=].*)$/s.exec(text) ?? [];
    const settings =
      pairs.length === 0 && oldName !== undefined ? [[oldName, oldValue]] : pairs.map(([, key, value]) => [key, value]);
    for (const [key, value] of settings) {
      const plain = this.filled(value.replace(/^(["'])(.*)\1$/s, '$2'));
      if (!plain.includes('$') && plain.length <= maxValueLength) this.variables.set(key, plain);
      this.facts.push(...readVariable(key, plain, place));
    }
  }

  private run(body: string, line: number): void {
    const text = body.replace(/^(?:\s*--[a-z]+=\S+)+/, (flags) => flags.replace(/[^\n]/g, ' '));
    const context = { file: this.file, variables: this.variables, lead: 'RUN ' };
    const words = text.trimStart().startsWith('[') ? listOf(parseJson(text)) : [];
    if (words.length > 0 && words.every((word) => typeof word === 'string')) {
      this.facts.push(...readWords(words, line, context));
      return;
    }
    this.facts.push(...readShell(text, line, context));
  }

  private copy(body: string, place: Place): void {
    for (const [, image] of body.matchAll(/--from=(\S{1,300})/g)) {
      const name = this.filled(image);
      if (/^\d+$/.test(name) || this.stages.has(name.toLowerCase()) || name.includes('$')) continue;
      this.facts.push({ kind: 'image', place, image: name, write: (other) => `COPY ${body.trim().replace(image, other)}` });
    }
  }

  private filled(text: string): string {
    return text.replace(
      /\$(?:\{([A-Za-z_]\w{0,127})(?::?-([^{}]{0,200}))?\}|([A-Za-z_]\w{0,127}))/g,
      (written, braced, fallback, bare) => {
        const name: string = braced ?? bare;
        const value = this.variables.get(name) ?? fallback ?? written;
        this.filledLength += value.length;
        return this.filledLength > maxFilledLength ? written : value;
      },
    );
  }
}

/** A continued instruction on one line. */
function flat(body: string): string {
  return body.replace(/\\\n/g, ' ');
}
