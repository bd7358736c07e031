// Makefiles, Jenkinsfiles and shell scripts: commands in files that are programs of another kind. Nothing of them is run; only literal commands are read.
import { readShell } from '../shell/index.ts';
import type { Fact, ProjectFile } from '../supply-chain-types.ts';

const maxBytes = 2 * 1024 * 1024;
const maxExpansions = 100_000;

/** Recipes with the simple variables of the file put in. */
export function readMakefile({ file, text }: ProjectFile): Fact[] {
  if (text.length > maxBytes) return [{ kind: 'gap', place: { file, line: 1 }, reason: 'it is too long for a Makefile' }];
  const variables = new Map<string, string>();
  const lines = text.split('\n');
  for (const line of lines) {
    const [, name, value] = /^\s{0,40}(?:export\s{1,10})?([A-Za-z_]\w{0,100})\s{0,40}[:?]{0,2}=(.*)$/.exec(line) ?? [];
    if (name !== undefined) variables.set(name, value.trim());
  }
  let expansions = 0;
  const filled = (line: string): string =>
    line
      .replace(/\$[({](\w{1,100})[)}]/g, (written, name: string) => {
        const value = variables.get(name);
        return value === undefined || value.includes('$') || value.length > 1_000 || ++expansions > maxExpansions
          ? written
          : value;
      })
      .replaceAll('$$', '$');
  // Lines that are no recipe become empty ones: a recipe's commands may go on over several lines.
  const recipes = lines.map((line, at) => {
    const isRecipe = line.startsWith('\t') || (/\\\r?$/.test(lines[at - 1] ?? '') && /^\s/.test(line));
    return isRecipe ? filled(line.replace(/^\s+[@+-]{0,3}/, '')) : '';
  });
  return readShell(recipes.join('\n'), 1, { file });
}

/** `sh '…'`, `sh """…"""`, `sh(script: '…')` and the same with bat and powershell. */
export function readJenkinsfile({ file, text }: ProjectFile): Fact[] {
  if (text.length > maxBytes) return [{ kind: 'gap', place: { file, line: 1 }, reason: 'it is too long for a Jenkinsfile' }];
  const facts: Fact[] = [];
  let [line, counted] = [1, 0];
  let end = 0;
  for (const match of text.matchAll(
    /\b(?:sh|bat|powershell|pwsh)\b\s{0,20}\(?\s{0,40}(?:script\s{0,20}:\s{0,20})?("""|'''|"|')/g,
  )) {
    if (match.index < end) continue;
    const from = match.index + match[0].length;
    const close = text.indexOf(match[1], from);
    end = close === -1 ? text.length : close;
    for (; counted < from; counted++) if (text[counted] === '\n') line++;
    facts.push(...readShell(text.slice(from, end), line, { file }));
  }
  return facts;
}

export function readShellScript({ file, text }: ProjectFile): Fact[] {
  if (text.length > maxBytes) return [{ kind: 'gap', place: { file, line: 1 }, reason: 'it is too long for a script' }];
  const variables = new Map<string, string>();
  // A variable that is set once to a plain value is that value.
  for (const [, name, value] of text.matchAll(
    /^[ \t]{0,40}(?:export |readonly |local )?([A-Za-z_]\w{0,100})=["']?([\w.,=<>~!+-]{0,200})["']?[ \t\r]{0,40}$/gm,
  )) {
    if (variables.has(name) && variables.get(name) !== value) variables.set(name, '\0');
    else variables.set(name, value);
  }
  for (const [name, value] of variables) if (value === '\0') variables.delete(name);
  return readShell(text, 1, { file, variables });
}
