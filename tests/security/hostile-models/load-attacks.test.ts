// Models that strike while they are loaded, before the first request: by an operation that runs at load, by what their graph names, and by names of
// files that lead elsewhere. They do not load; nothing is reached, and what never ends is ended.
import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AirlockError } from '../../../src/core/index.ts';
import { openModel } from '../../../src/index.ts';
import { readModelContent } from '../../../src/model/index.ts';
import type { Jail } from '../../../src/sandbox/index.ts';
import { ModelWorker, type ModelWorkerLimits, Watchdog } from '../../../src/serving/index.ts';
import { attribute, functionDef, node, placeholder, writeSavedModel } from '../../support/graph.ts';
import { requireSlot } from '../../support/runtime.ts';
import { root } from '../../support/server.ts';
import { signature, spec } from '../../support/tensors.ts';
import { code } from './attack-graph.ts';
import { type Level, lacks, openJailAt } from './hostile-worker.ts';
import { World } from './world.ts';

const signatures = [signature([spec('x:0', 'DT_FLOAT', [1])], [spec('y:0', 'DT_FLOAT', [1])])];
const harmless = [placeholder('x', code.float, [1]), node('y', 'Identity', ['x'], { T: attribute.type(code.float) })];

const text = (name: string, value: string): Buffer =>
  node(name, 'Const', [], { dtype: attribute.type(code.text), value: attribute.strings([], [value]) });

/** A model with an operation that runs at load. */
function writeModel(directory: string, nodes: readonly Buffer[], functions: readonly Buffer[] = []): void {
  writeSavedModel(directory, [...harmless, ...nodes], { signatures, functions, initOperation: 'init' });
}

const writeFileNodes = (file: string): Buffer[] => [
  text('file', file),
  text('content', 'x'),
  node('init', 'WriteFile', ['file', 'content']),
];

async function load(jail: Jail, directory: string, limits: Partial<ModelWorkerLimits> = {}): Promise<string> {
  const worker = new ModelWorker({
    jail,
    watchdog: new Watchdog(),
    slot: requireSlot(),
    content: () => readModelContent(directory),
    signatures,
    limits: { memoryMiB: 1024, ...limits },
  });
  try {
    await worker.start();
    return 'loaded';
  } catch (thrown) {
    return AirlockError.from(thrown).code;
  } finally {
    await worker.close();
  }
}

const world = await World.open();
afterAll(() => world.close());

describe.skipIf(lacks('none') !== '')(`a model that writes at load, at level none${lacks('none')}`, () => {
  it('writes', async () => {
    const jail = await openJailAt('none');
    const directory = path.join(world.directory, 'unheld');
    writeModel(directory, writeFileNodes(`${world.folder('unheld')}/file`));
    expect(await load(jail, directory)).toBe('loaded');
    expect(world.written('unheld')).toEqual(['file']);
    await jail.close();
  });
});

describe.each<{ level: Level }>([{ level: 'process' }, { level: 'full' }])(
  'models that strike at load at level $level',
  ({ level }) => {
    const missing = lacks(level);
    let jail: Jail;
    let count = 0;
    const directory = (): string => path.join(world.directory, `${level}-${count++}`);
    beforeAll(async () => {
      if (missing === '') jail = await openJailAt(level);
    });
    afterAll(() => jail?.close());

    it.skipIf(missing !== '')(`writes nothing by an operation at load${missing}`, async () => {
      const model = directory();
      writeModel(model, writeFileNodes(`${world.folder(level)}/file`));
      expect(await load(jail, model)).toMatch(/^(MODEL_LOAD_FAILED|WORKER_FORBIDDEN)$/);
      expect(readdirSync(world.folder(level))).toEqual([]);
    });

    it.skipIf(missing !== '')(`does not read the file that an asset's name leads to${missing}`, async () => {
      // TensorFlow puts the asset's name behind the model's folder, dots and all.
      const model = directory();
      const outside = `${'../'.repeat(20)}${world.secretFile.slice(1)}`;
      const table = { key_dtype: attribute.type(code.int64), value_dtype: attribute.type(code.text) };
      const columns = { key_index: attribute.integer(-1), value_index: attribute.integer(-2) };
      const nodes = [
        ...harmless,
        text('asset', ''),
        node('table', 'HashTableV2', [], table),
        node('init', 'InitializeTableFromTextFileV2', ['table', 'asset'], columns),
      ];
      writeSavedModel(model, nodes, { signatures, initOperation: 'init', assets: { [outside]: 'asset:0' } });
      await expect(
        openModel({ path: model, store: path.join(root, '.airlock'), unsafeUnsigned: true, unsafeUnscanned: true }),
      ).rejects.toMatchObject({
        code: 'MODEL_INVALID',
      });
      // And without the reader that has refused it.
      expect(await load(jail, model)).toMatch(/^(MODEL_LOAD_FAILED|WORKER_FORBIDDEN)$/);
    });

    it.skipIf(missing !== '')(`ends a model that never finishes loading${missing}`, async () => {
      const model = directory();
      const loop = { T: attribute.types([code.boolean]), cond: attribute.function('same'), body: attribute.function('same') };
      const start = { dtype: attribute.type(code.boolean), value: attribute.tensor(code.boolean, [], Buffer.of(1)) };
      const same = functionDef('same', { x: code.boolean }, { y: code.boolean }, [], { y: 'x' });
      writeModel(model, [node('start', 'Const', [], start), node('init', 'While', ['start'], loop)], [same]);
      const startMs = performance.now();
      expect(await load(jail, model, { loadTimeoutMs: 3000 })).toBe('WORKER_START_FAILED');
      expect(performance.now() - startMs).toBeLessThan(10_000);
    });

    it.skipIf(missing !== '')(`survives a function that calls itself${missing}`, async () => {
      const model = directory();
      const call = { Tin: attribute.types([code.float]), Tout: attribute.types([code.float]), f: attribute.function('again') };
      const again = functionDef(
        'again',
        { x: code.float },
        { y: code.float },
        [node('again', 'StatefulPartitionedCall', ['x'], call)],
        { y: 'again:output:0' },
      );
      const one = { dtype: attribute.type(code.float), value: attribute.tensor(code.float, [], Buffer.alloc(4)) };
      writeModel(model, [node('one', 'Const', [], one), node('init', 'StatefulPartitionedCall', ['one'], call)], [again]);
      expect(await load(jail, model, { loadTimeoutMs: 5000 })).toMatch(/^(MODEL_LOAD_FAILED|WORKER_)/);
    });

    it.skipIf(missing !== '').each([
      [
        'calls Python',
        [
          text('input', 'x'),
          node('init', 'PyFunc', ['input'], {
            token: attribute.text('pyfunc_0'),
            Tin: attribute.types([code.text]),
            Tout: attribute.types([code.text]),
          }),
        ],
      ],
      ['names an operation that is not there', [node('init', 'LoadMyLibrary')]],
      ['is a client of a remote procedure call', [text('address', '127.0.0.1:1'), node('init', 'RpcServer', ['address'])]],
      ['ends its process', [node('init', 'Abort', [], { exit_without_error: attribute.boolean(true) })]],
    ] as [string, Buffer[]][])(`does not load a model that %s${missing}`, async (_what, nodes) => {
      const model = directory();
      writeModel(model, nodes);
      expect(await load(jail, model)).toMatch(/^(MODEL_LOAD_FAILED|WORKER_)/);
    });

    it.skipIf(missing !== '')(`does not take another model's checkpoint for its own${missing}`, async () => {
      const model = directory();
      writeModel(model, [node('init', 'NoOp')]);
      mkdirSync(path.join(model, 'variables'));
      symlinkSync(`${world.checkpoint}.index`, path.join(model, 'variables/variables.index'));
      expect(await load(jail, model)).toBe('MODEL_INVALID');
    });
  },
);
