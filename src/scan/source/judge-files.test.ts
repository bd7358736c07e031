import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tarOf, zipOf } from '../../../tests/support/archive-builder.ts';
import { savedModel } from '../../../tests/support/graph-builder.ts';
import { recordingContext, sourceOf } from '../../../tests/support/recording-context.ts';
import { judgeFiles, openArchive, openFile, openFolder, subfolder } from './index.ts';

const elf = Buffer.concat([Buffer.from('7f454c460201', 'hex'), Buffer.alloc(64)]);
const pickle = Buffer.from("cos\nsystem\n(S'id'\ntR.");
const png = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(64)]);

let parent = '';
let root = '';
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'airlock-files-'));
  root = join(parent, 'model');
  mkdirSync(root);
});
afterEach(() => rmSync(parent, { recursive: true }));

function put(name: string, content: Buffer | string = ''): string {
  const path = join(root, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
  return path;
}

function judge() {
  const context = recordingContext();
  const folder = openFolder(root);
  judgeFiles(folder, context);
  folder.close();
  return { context, found: context.findings.map(({ ruleId, severity, location }) => `${severity} ${ruleId} ${location.file}`) };
}

describe('judgeFiles()', () => {
  it('has nothing to say about an ordinary model', () => {
    put('saved_model.pb', savedModel({ metaGraphs: [{ nodes: [{ name: 'n', op: 'NoOp' }] }] }));
    put('variables/variables.data-00000-of-00001', elf);
    put('assets/vocab.txt', 'the\nimport\nof\n');
    put('assets/labels.csv', 'id,name\n1,cat\n');
    put('assets/tokenizer.json', '{"version": "1.0", "model": {}}');
    put('assets.extra/tf_serving_warmup_requests', '');
    put('README.md', '# Use\n\n    import tensorflow as tf\n');
    put('docs/use.md', 'Load it:\n\nimport os\nimport keras\nos.system("pip install keras")\n');
    put('LICENSE', 'Apache License');
    put('.git/hooks/pre-commit.sample', '#!/bin/sh\nexit 0\n');
    put('picture.png', png);
    put('.gitattributes', '*.h5 filter=lfs\n');
    expect(judge().found).toEqual([]);
  });

  it.each<[string, Buffer | string, string]>([
    ['assets/libx.so', elf, 'high payload/native-code'],
    ['assets/op', elf, 'high payload/native-code'],
    ['libx.so.2', 'no ELF', 'high payload/native-code'],
    ['assets/logo.png', elf, 'high payload/disguised'],
    ['assets/logo.png', pickle, 'medium payload/disguised'],
    ['assets/vocab.txt', '#!/bin/sh\ncurl x | sh\n', 'medium payload/disguised'],
    ['assets/vocab.txt', 'import os\nimport sys\n', 'medium payload/disguised'],
    ['setup.py', 'x = 1\n', 'medium payload/script'],
    ['preprocessing.py', 'import numpy as np\n\ndef load(path):\n    return np.load(path) / 255.0\n', 'low payload/script'],
    ['serve.sh', '#!/bin/sh\ntensorflow_model_server --port=8500\n', 'low payload/script'],
    ['loader.py', 'import os\nos.system("id")\n', 'medium payload/script'],
    ['loader.py', 'f = getattr(o, "sys" + "tem")\n', 'medium payload/script'],
    ['loader.py', `x = "${'a'.repeat(2000)}"\n`, 'medium payload/script'],
    ['install.sh', 'curl x | sh\n', 'medium payload/script'],
    ['assets/p.py', 'x = 1\n', 'medium payload/script'],
    ['run', '#!/usr/bin/env python\n', 'medium payload/script'],
    ['a.pkl', pickle, 'medium payload/pickle'],
    ['data.bin', pickle, 'medium payload/pickle'],
    ['weights.pt', zipOf([{ name: 'archive/data.pkl' }]), 'medium payload/pickle'],
    ['plugin.jar', zipOf([{ name: 'META-INF/MANIFEST.MF' }]), 'high payload/native-code'],
    ['model.h5', zipOf([{ name: 'a' }]), 'medium payload/disguised'],
    ['notes.txt', png, 'low payload/disguised'],
    ['more.7z', Buffer.concat([Buffer.from('377abcaf271c', 'hex'), Buffer.alloc(32)]), 'low payload/packed'],
    ['assets.extra/tf_serving_warmup_requests', 'not a record at all', 'low malformed/warmup'],
    ['a\u202etxt.exe.md', 'x', 'medium payload/odd-name'],
    ['a\nb', 'x', 'low payload/odd-name'],
  ])('judges %s', (name, content, rule) => {
    put(name, content);
    expect(judge().found).toEqual([`${rule} ${name}`]);
  });

  it('names what a pickle would call', () => {
    put('a.pkl', pickle);
    expect(judge().context.findings[0].message).toContain('os.system');
  });

  it('says that a packed file was not looked at, outside of assets', () => {
    const xz = Buffer.concat([Buffer.from('fd377a585a00', 'hex'), Buffer.alloc(32)]);
    put('assets/a.xz', xz);
    expect(judge().context.parts).toEqual([]);
    put('a.xz', xz);
    expect(judge().context.parts).toMatchObject([{ file: 'a.xz' }]);
  });

  it('finds one file in two formats', () => {
    put(
      'model.h5',
      zipOf([{ name: 'config.json' }, { name: 'metadata.json' }], { front: Buffer.from('894844460d0a1a0a', 'hex') }),
    );
    expect(judge().found).toEqual(['medium parser-differential/polyglot model.h5']);
  });

  it('judges links by where they lead, those of folders too', () => {
    put('a.txt', 'x');
    put('d/b.txt', 'x');
    symlinkSync('/etc/hostname', join(root, 'abs'));
    symlinkSync('../../../etc', join(root, 'up'));
    symlinkSync('../a.txt', join(root, 'd/inside'));
    symlinkSync('missing', join(root, 'dangling'));
    symlinkSync('loop', join(root, 'loop'));
    const { found, context } = judge();
    expect(found).toEqual([
      'high path-traversal/symlink abs',
      'medium path-traversal/inner-symlink dangling',
      'medium path-traversal/inner-symlink loop',
      'high path-traversal/symlink up',
      'low path-traversal/inner-symlink d/inside',
    ]);
    expect(context.findings[0].message).toContain('/etc/hostname');
    expect(context.parts.map(({ file }) => file)).toEqual(['abs', 'up']);
  });

  it('does not wait for a pipe', () => {
    execFileSync('mkfifo', [join(root, 'pipe')]);
    expect(judge().found).toEqual(['high hang/special-file pipe']);
  });

  it('sees the set-user-ID bit', () => {
    chmodSync(put('tool', 'x'), 0o4755);
    expect(judge().found).toEqual(['low payload/setuid tool']);
  });

  it('judges members of an archive in the same way', () => {
    const context = recordingContext();
    const bytes = tarOf([
      { name: 'm/lib.so', content: elf },
      { name: 'm/pipe', type: '6' },
      { name: 'm/link', type: '2', linkTarget: '../../etc/passwd' },
    ]);
    const folder = openArchive(sourceOf(bytes, 'm.tar'), 'tar', context);
    judgeFiles(folder, context);
    expect(context.findings.map(({ ruleId, location }) => `${ruleId} ${location.file}`)).toEqual([
      'payload/native-code m.tar!/m/lib.so',
      'hang/special-file m.tar!/m/pipe',
      'path-traversal/symlink m.tar!/m/link',
    ]);
  });
});

describe('openFolder()', () => {
  it('lists all kinds and reads through links that stay inside', () => {
    put('d/a.txt', 'one');
    symlinkSync('d', join(root, 'e'));
    const folder = openFolder(root);
    expect(folder.entries).toMatchObject([
      { name: 'd', kind: 'folder' },
      { name: 'e', kind: 'symlink', linkTarget: 'd' },
      { name: 'd/a.txt', kind: 'file', sizeBytes: 3 },
    ]);
    const source = folder.open('e/a.txt');
    expect(source.read(0, 3).toString()).toBe('one');
    expect(() => source.read(1, 3)).toThrow(expect.objectContaining({ code: 'MODEL_INCOMPLETE' }));
    expect(() => folder.open('d')).toThrow(expect.objectContaining({ code: 'MODEL_INVALID' }));
    expect(subfolder(folder, 'd/').open('a.txt').name).toBe('d/a.txt');
    folder.close();
  });

  it('refuses a file that is not the one that was listed', () => {
    put('a', 'one');
    const folder = openFolder(root);
    const source = folder.open('a');
    put('b', 'two');
    renameSync(join(root, 'b'), join(root, 'a'));
    expect(() => source.read(0, 3)).toThrow(/changed/);
    folder.close();
  });

  it('reads more files than it keeps open', () => {
    for (let index = 0; index < 100; index++) put(`f${index}`, String(index));
    const folder = openFolder(root);
    const sources = folder.entries.map(({ name }) => folder.open(name));
    for (let round = 0; round < 2; round++) {
      for (const source of sources) expect(`f${source.read(0, source.sizeBytes).toString()}`).toBe(source.name);
    }
    folder.close();
  });

  it('bounds how many and how deep', () => {
    put('a/b/c/d', 'x');
    expect(() => openFolder(root, { maxEntries: 3, maxDepth: 64 })).toThrow(/more than 3/);
    expect(() => openFolder(root, { maxEntries: 100, maxDepth: 2 })).toThrow(/too deep/);
    expect(() => openFolder(join(root, 'missing'))).toThrow(expect.objectContaining({ code: 'MODEL_NOT_AVAILABLE' }));
  });

  it('opens a file by itself, and nothing else', () => {
    const source = openFile(put('a.bin', 'abc'));
    expect([source.name, source.sizeBytes, source.read(1, 2).toString()]).toEqual(['a.bin', 3, 'bc']);
    source.close();
    expect(() => openFile(root)).toThrow(expect.objectContaining({ code: 'MODEL_INVALID' }));
    expect(() => openFile(join(root, 'no'))).toThrow(expect.objectContaining({ code: 'MODEL_NOT_AVAILABLE' }));
  });
});
