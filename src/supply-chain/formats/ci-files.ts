// CI in YAML (GitHub Actions, GitLab, Azure Pipelines, CircleCI and what looks like them): every text under a key that holds commands, images of jobs,
// and variables. Which key a system reads where is not followed: a command that installs is one wherever it stands.
import { readShell, readVariable } from '../shell/index.ts';
import type { Fact, ProjectFile } from '../supply-chain-types.ts';
import { unreadableFile } from './data-values.ts';
import { entriesOf, entryOf, isList, isText, readYaml, textsOf, type YamlText, type YamlValue } from './yaml-document.ts';

const commandKeys: ReadonlySet<string> = new Set([
  'run', 'script', 'before_script', 'after_script', 'bash', 'pwsh', 'powershell', 'inlinescript', 'command', 'commands', 'install', 'before_install',
]); // biome-ignore format: a list of words
const variableKeys: ReadonlySet<string> = new Set(['env', 'variables', 'environment']);
/** Jobs times values of a matrix: more combinations than this are not read one by one. */
const maxCombinations = 64;

export function readCi({ file, text }: ProjectFile): Fact[] {
  const documents = readYaml(text);
  if (documents === undefined) return unreadableFile(file, 'YAML');
  const facts: Fact[] = [];
  for (const document of documents) walk(document, { file, facts, matrix: new Map(), variables: new Map() });
  return facts;
}

interface State {
  readonly file: string;
  readonly facts: Fact[];
  /** `matrix.tf` and its values, of the job around. */
  readonly matrix: ReadonlyMap<string, readonly string[]>;
  readonly variables: ReadonlyMap<string, string>;
}

function walk(value: YamlValue, outer: State): void {
  if (isList(value)) {
    for (const item of value) walk(item, outer);
    return;
  }
  const own = entriesOf(value);
  if (own.length === 0) return;
  const state = withOwn(value, outer);
  for (const { key, value: inner, line } of own) {
    const name = key.toLowerCase();
    if (commandKeys.has(name)) for (const command of textsOf(inner)) readCommand(command, state);
    if (name === 'image' || name === 'container') image(inner, state);
    if (variableKeys.has(name))
      for (const entry of entriesOf(inner))
        if (isText(entry.value))
          state.facts.push(...readVariable(entry.key, entry.value.text, { file: state.file, line: entry.line }));
    if (line >= 1) walk(inner, state);
  }
}

/** What the job's matrix and variables add. */
function withOwn(value: YamlValue, outer: State): State {
  const matrix = new Map(outer.matrix);
  const found = entryOf(value, 'strategy', 'matrix') ?? entryOf(value, 'parallel', 'matrix');
  for (const { key, value: inner } of entriesOf(found)) {
    if (key === 'exclude') continue;
    if (key !== 'include')
      matrix.set(
        `matrix.${key}`,
        textsOf(inner).map(({ text }) => text),
      );
    for (const entry of key === 'include' && isList(inner) ? inner : [])
      for (const added of entriesOf(entry))
        if (isText(added.value))
          matrix.set(`matrix.${added.key}`, [...(matrix.get(`matrix.${added.key}`) ?? []), added.value.text]);
  }
  const variables = new Map(outer.variables);
  for (const { key, value: inner } of entriesOf(value)) {
    if (!variableKeys.has(key.toLowerCase())) continue;
    for (const entry of entriesOf(inner)) {
      const text = isText(entry.value) ? entry.value.text : isText(entryOf(entry.value, 'value')) ? '' : undefined;
      if (text === undefined || text.includes('$')) continue;
      variables.set(entry.key, text);
      variables.set(`env.${entry.key}`, text);
    }
  }
  return { ...outer, matrix, variables };
}

function readCommand(command: YamlText, state: State): void {
  const line = command.line + (command.block ? 1 : 0);
  const seen = new Set<string>();
  for (const variables of combinations(command.text, state)) {
    for (const fact of readShell(command.text, line, { file: state.file, variables })) {
      const key = JSON.stringify(fact);
      if (!seen.has(key)) state.facts.push(fact);
      seen.add(key);
    }
  }
}

/** The variables with each value of the matrix that the command names. */
function combinations(text: string, { matrix, variables }: State): ReadonlyMap<string, string>[] {
  let all: Map<string, string>[] = [new Map(variables)];
  for (const [name, values] of matrix) {
    if (values.length === 0 || !text.includes(name) || all.length * values.length > maxCombinations) continue;
    all = all.flatMap((known) => values.map((value) => new Map(known).set(name, value)));
  }
  return all;
}

function image(value: YamlValue, { file, facts, variables }: State): void {
  const found = isText(value) ? value : (entryOf(value, 'image') ?? entryOf(value, 'name'));
  if (!isText(found) || found.text === '') return;
  const name = found.text.replace(/\$\{?(\w{1,128})\}?/g, (written, key: string) => variables.get(key) ?? written);
  // An image of the runner (ubuntu-latest) is no image of a container.
  if (name.includes('$') || !/tensorflow|keras/i.test(name)) return;
  facts.push({ kind: 'image', place: { file, line: found.line }, image: name, write: (other) => `image: ${other}` });
}
