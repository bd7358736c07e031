// The shape of the tree as ARCHITECTURE.md draws it, checked on the real files, and each rule shown to fail on a made-up graph.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  decoderExcess,
  errorClasses,
  guardedImports,
  importGraph,
  readSources,
  scanExcess,
  serverNativeCode,
  serverSigning,
  sideDoorImports,
  unreadableImports,
  upwardImports,
  workerExcess,
} from './import-graph.ts';

const files = readSources(join(import.meta.dirname, '..', 'src'));
const graph = importGraph(files);

describe('the source tree', () => {
  it('is really read: enough files, imports between them and packages', () => {
    const targets = [...graph.values()].flat();
    expect(graph.size).toBeGreaterThan(30);
    expect(targets.filter((target) => graph.has(target)).length).toBeGreaterThan(60);
    expect(targets).toContain('node:fs/promises');
    for (const folder of ['core', 'config', 'tensor']) expect([...graph.keys()]).toContain(`${folder}/index.ts`);
  });

  it('has only imports that this test can follow', () => expect(unreadableImports(graph)).toEqual([]));
  it('has no arrow that points up', () => expect(upwardImports(graph)).toEqual([]));
  it('enters a folder through its index.ts only', () => expect(sideDoorImports(graph)).toEqual([]));
  it('imports koffi, child processes and fastify only where they belong', () => expect(guardedImports(graph)).toEqual([]));
  it('lets the worker reach core, tensor, jail, kernel and native only', () => expect(workerExcess(graph)).toEqual([]));
  it('lets the decoder reach core, tensor, jail and kernel only', () => expect(decoderExcess(graph)).toEqual([]));
  it('lets what reads models reach core, tensor and model only, and nobody else import it', () =>
    expect(scanExcess(graph)).toEqual([]));
  it('keeps native code out of the server', () => expect(serverNativeCode(graph)).toEqual([]));
  it('keeps signing and private keys out of the server', () => expect(serverSigning(files)).toEqual([]));
  it('has one error class', () => expect(errorClasses(files)).toEqual(['core/errors.ts']));
});

/** A graph of files that hold just these lines. */
function madeUp(sources: Record<string, string>) {
  return importGraph(Object.entries(sources).map(([name, text]) => ({ name, text })));
}

describe('importGraph()', () => {
  it('finds every way to import, and nothing in comments', () => {
    const text = `
      import { a } from '../core/index.ts';
      import type { B } from "../tensor/index.ts";
      import { type C,
        d } from './d.ts';
      import './side-effect.ts';
      export { e } from './e.ts';
      export * from './f.ts';
      export type { G } from './g.ts';
      const url = 'http://x'; const h = await import('./h.ts');
      const i = require('koffi');
      // import { no } from './no.ts';
      /* import('./no.ts') */
    `;
    expect(madeUp({ 'model/a.ts': text }).get('model/a.ts')).toEqual([
      'core/index.ts',
      'tensor/index.ts',
      'model/d.ts',
      'model/side-effect.ts',
      'model/e.ts',
      'model/f.ts',
      'model/g.ts',
      'model/h.ts',
      'koffi',
    ]);
  });
});

describe('the rules', () => {
  const core = { 'core/index.ts': '' };

  it.each([
    ['import(name)'],
    ["import('./a' + b)"],
    ['createRequire(import.meta.url)'],
    ["process.getBuiltinModule('x')"],
    ["import './missing.ts'"],
  ])('refuse %s, which cannot be followed', (text) => {
    expect(unreadableImports(madeUp({ 'core/a.ts': text }))).toHaveLength(1);
  });

  it('refuse an arrow that points up, and a folder that is no layer', () => {
    const up = { 'tensor/index.ts': "import '../serving/index.ts'", 'serving/index.ts': "import '../tensor/index.ts'" };
    expect(upwardImports(madeUp(up))).toEqual(['tensor/index.ts imports serving/index.ts']);
    expect(upwardImports(madeUp({ 'core/index.ts': "import type { A } from '../index.ts'", 'index.ts': '' }))).toHaveLength(1);
    expect(upwardImports(madeUp({ 'helpers/a.ts': '' }))).toEqual(['helpers/a.ts is in no layer']);
  });

  it('refuse a side door', () => {
    const side = { 'cli/a.ts': "import '../core/secret.ts'", 'core/secret.ts': '' };
    expect(sideDoorImports(madeUp(side))).toEqual(['cli/a.ts imports core/secret.ts']);
  });

  it.each([
    ['serving/a.ts', 'koffi'],
    ['serving/a.ts', 'node:child_process'],
    ['serving/a.ts', 'child_process'],
    ['runtime/install.ts', 'node:child_process'],
    ['cli/a.ts', 'fastify'],
    ['cli/a.ts', 'fastify/lib/errors.js'],
    ['sandbox/a.ts', 'node:cluster'],
  ])('refuse that %s imports %s', (file, module) => {
    expect(guardedImports(madeUp({ [file]: `import x from '${module}'` }))).toEqual([`${file} imports ${module}`]);
  });

  it('let the guarded modules be imported where they belong', () => {
    const right = {
      'native/a.ts': "import 'koffi'",
      'sandbox/a.ts': "import 'node:child_process'",
      'runtime/pip.ts': "import 'node:child_process'",
      'gateway/a.ts': "import 'fastify'",
    };
    expect(guardedImports(madeUp(right))).toEqual([]);
  });

  it('refuse a worker that reaches more, also by a detour', () => {
    const detour = {
      ...core,
      'worker/main.ts': "import '../tensor/index.ts'; ",
      'tensor/index.ts': "import './a.ts'",
      'tensor/a.ts': "import '../core/index.ts'\nimport '../config/index.ts'",
      'config/index.ts': '',
    };
    expect(workerExcess(madeUp(detour))).toEqual(['config/index.ts']);
    expect(workerExcess(madeUp({ ...core, 'worker/main.ts': "import '../core/index.ts'" }))).toEqual([]);
  });

  it('refuse a decoder that reaches more, packages included', () => {
    const reach = (text: string) =>
      decoderExcess(
        madeUp({
          ...core,
          'decoder/main.ts': `import '../core/index.ts'; import 'sharp'; import 'node:fs'\n${text}`,
          'contract/index.ts': '',
        }),
      );
    expect(reach('')).toEqual([]);
    expect(reach("import '../contract/index.ts'")).toEqual(['contract/index.ts']);
    expect(reach("import 'yauzl'")).toEqual(['yauzl']);
  });

  it('refuse a reader of models that reaches more, and a server that reads models itself', () => {
    const scan = { ...core, 'scan/index.ts': '', 'scan/engine/index.ts': "import '../../core/index.ts'", 'sandbox/index.ts': '' };
    expect(scanExcess(madeUp({ ...scan, 'scanner/main.ts': "import '../scan/engine/index.ts'" }))).toEqual([]);
    expect(scanExcess(madeUp({ ...scan, 'scan/a.ts': "import '../sandbox/index.ts'" }))).toEqual(['sandbox/index.ts']);
    expect(scanExcess(madeUp({ ...scan, 'serving/a.ts': "import '../scan/engine/index.ts'" }))).toEqual([
      'serving/a.ts imports scan/engine/index.ts',
    ]);
  });

  it.each([
    ["import 'koffi'", ['koffi']],
    ["import 'sharp'", ['sharp']],
    ["import '../native/index.ts'", ['native/index.ts', 'koffi']],
  ])('refuse native code in the server: %s', (text, found) => {
    const server = { 'cli/a.ts': "import '../gateway/index.ts'", 'gateway/index.ts': "import '../serving/index.ts'" };
    const native = { 'serving/index.ts': text, 'native/index.ts': "import 'koffi'" };
    expect(serverNativeCode(madeUp({ ...server, ...native }))).toEqual(found);
  });

  it.each([
    ['gateway/a.ts', "import '../signing/index.ts'", ['signing/index.ts']],
    ['index.ts', "export { signModel } from './signing/index.ts'", ['signing/index.ts']],
    ['cli/commands/serve.ts', "import '../b.ts'", ['signing/index.ts']],
    ['worker/a.ts', "await import('../signing/index.ts')", ['signing/index.ts']],
    ['provenance/a.ts', "import { sign } from 'node:crypto'", ['provenance/a.ts']],
    ['provenance/a.ts', "import {\n  createHash,\n  sign as s } from 'crypto'", ['provenance/a.ts']],
    ['serving/a.ts', "import * as crypto from 'node:crypto'", ['serving/a.ts']],
    ['serving/a.ts', "import crypto from 'node:crypto'", ['serving/a.ts']],
    ['decoder/a.ts', "import { createPrivateKey } from 'node:crypto'", ['decoder/a.ts']],
    ['launcher/a.ts', "import '../core/a.ts'", ['core/a.ts']],
    ['provenance/a.ts', "import { createHash, verify } from 'node:crypto' // sign", []],
    ['derive/a.ts', "import '../signing/index.ts'", []],
    ['cli/commands/sign.ts', "import '../../signing/index.ts'", []],
  ])('refuse signing in the server: %s with %s', (name, text, found) => {
    const others = {
      'signing/index.ts': "import { sign } from 'node:crypto'",
      'cli/b.ts': "import '../signing/index.ts'",
      'core/a.ts': "crypto.createSign('sha256')",
    };
    const made = Object.entries({ ...others, [name]: text }).map(([file, code]) => ({ name: file, text: code }));
    expect(serverSigning(made)).toEqual(found);
  });

  it.each([
    'class A extends Error {}',
    'class A extends TypeError {}',
    'class A extends AirlockError {}',
    'class A extends vm.SomeError {}',
  ])('find the error class in: %s', (text) => {
    expect(errorClasses([{ name: 'core/errors.ts', text }])).toEqual(['core/errors.ts']);
    expect(errorClasses([{ name: 'core/errors.ts', text: `// ${text}` }])).toEqual([]);
  });
});
