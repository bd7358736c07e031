// Folders of models for these tests: one with every odd name that Linux allows and both tools can sign, one as TensorFlow writes them.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Sixteen files: empty, nested, executable, hidden, twins that differ only in how their letters are composed, and names that break tools. */
export const oddFiles: Readonly<Record<string, string>> = {
  'saved_model.pb': 'graph',
  'variables/variables.index': 'index',
  'variables/variables.data-00000-of-00001': 'weights',
  'assets/vocab.txt': 'one\ntwo\n',
  'assets.extra/tf_serving_warmup_requests': 'requests',
  empty: '',
  'run.sh': '#!/bin/sh\n',
  '.hidden': 'hidden',
  'caf\u00e9.txt': 'composed',
  'cafe\u0301.txt': 'decomposed',
  '\u{1f600}.bin': 'beyond the first plane',
  '\ufffd.bin': 'the last plane but one in UTF-16, not in UTF-8',
  'new\nline': 'newline',
  'quote"and\\backslash': 'quoted',
  'a:0:5': 'looks like a shard',
  'a b/c-d/e.f': 'deep',
};

/** Writes `files` below `folder`; folders are made as needed. */
export function writeFiles(folder: string, files: Readonly<Record<string, string>>): string {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** A folder with `oddFiles`, one of them executable. */
export function makeOddModel(folder: string): string {
  writeFiles(folder, oddFiles);
  chmodSync(join(folder, 'run.sh'), 0o755);
  return folder;
}

/** What most cases need: few files, one of them below a folder. */
export const plainFiles: Readonly<Record<string, string>> = {
  'saved_model.pb': 'graph',
  'variables/variables.index': 'index!',
  'variables/variables.data-00000-of-00001': 'weights',
  zero: '',
};
