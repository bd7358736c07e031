// The whole scan in one process, on files as they lie on a disk: that each format gets its reader, and that what is not read is never clean.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attrType, constString, graphDef, metaGraph, placeholder, savedModel } from '../../../tests/support/graph-builder.ts';
import { judgeAdvisories } from '../advisories/index.ts';
import { makeReport } from '../report/index.ts';
import { rulesById } from '../rule-catalogue.ts';
import type { ScanResult } from '../scan-types.ts';
import { scanInProcess } from './scan-in-process.ts';

let folder: string;
const at = (...parts: string[]): string => path.join(folder, ...parts);
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'airlock-engine-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const reads = [
  constString('path', '/etc/passwd'),
  { name: 'read', op: 'ReadFile', inputs: ['path'] },
  { name: 'out', op: 'Identity', inputs: ['read'], attrs: { T: attrType('DT_STRING') } },
  placeholder('x'),
];
const signatures = { serving_default: { inputs: { x: 'x:0' }, outputs: { y: { name: 'out:0', dtype: 'DT_STRING' } } } };
const model = { tags: ['serve'], nodes: reads, signatures };
const lambda = {
  class_name: 'Sequential',
  config: {
    name: 's',
    layers: [{ class_name: 'Lambda', config: { name: 'l', function: ['4wAAAAAAAAAA', null, null], function_type: 'lambda' } }],
  },
  keras_version: '2.15.0',
};

function scan(name: string, content?: string | Uint8Array): Promise<ScanResult> {
  if (content !== undefined) {
    mkdirSync(path.dirname(at(name)), { recursive: true });
    writeFileSync(at(name), content);
  }
  return scanInProcess({ path: at(name), tensorflow: '2.21.0' });
}

const worst = ({ findings }: ScanResult): string[] =>
  findings.filter(({ severity }) => ['medium', 'high', 'critical'].includes(severity)).map(({ ruleId }) => ruleId);

describe('scanInProcess()', () => {
  it.each([
    ['a SavedModel as a folder', 'sm/saved_model.pb', savedModel({ metaGraphs: [model] }), 'sm', /^file-read\//],
    ['a SavedModel under another name', 'model.bin', savedModel({ metaGraphs: [model] }), 'model.bin', /^file-read\//],
    ['a frozen graph', 'frozen.pb', graphDef(reads), 'frozen.pb', /^file-read\//],
    ['a MetaGraph', 'm.meta', metaGraph(model), 'm.meta', /^file-read\//],
    ['a graph in gzip', 'g.pb.gz', gzipSync(graphDef(reads)), 'g.pb.gz', /^file-read\//],
    ['Keras JSON', 'k.json', JSON.stringify(lambda), 'k.json', /^code-execution\//],
    ['a model of versions', 'versions/1/saved_model.pb', savedModel({ metaGraphs: [model] }), 'versions', /^file-read\//],
    [
      'a TensorFlow Lite model that is damaged',
      'd.tflite',
      Buffer.from('\x1c\0\0\0TFL3\xff\xff\xff\xff', 'latin1'),
      'd.tflite',
      /^malformed\//,
    ],
    ['HDF5 that is cut short', 'd.h5', Buffer.from('\x89HDF\r\n\x1a\n\0\0', 'latin1'), 'd.h5', /^malformed\//],
  ])('reads %s', async (_, file, bytes, target, rule) => {
    await scan(file, bytes);
    const result = await scan(target);
    expect(
      worst(result).some((id) => rule.test(id)),
      JSON.stringify(result),
    ).toBe(true);
    for (const { ruleId } of result.findings) expect(rulesById.has(ruleId), ruleId).toBe(true);
  });

  it.each([
    ['text', 'note.txt', 'hello'],
    ['random bytes under a name of a model', 'x.keras', Buffer.from('c0ffee00'.repeat(50), 'hex')],
    ['nothing at all', 'empty.pb', ''],
  ])('does not call %s clean', async (_, name, content) => {
    const result = await scan(name, content);
    const at2 = {
      target: 'x',
      tensorflow: '2.21.0',
      refuseAt: 'critical',
      startedAt: new Date(),
      durationMs: 1,
      version: '',
      rules: '',
    } as const;
    expect(makeReport(result, at2).verdict).toBe('unreadable');
  });

  it('judges the layers that old Keras kept in the object graph', async () => {
    const objects = [
      {
        kind: 'user_object' as const,
        identifier: '_tf_keras_layer',
        metadata: JSON.stringify(lambda.config.layers[0]),
      },
    ];
    const result = await scan(
      'old/saved_model.pb',
      savedModel({ metaGraphs: [{ ...model, nodes: [placeholder('x')], signatures: {}, objects }] }),
    ).then(() => scan('old'));
    expect(
      worst(result).some((id) => id.startsWith('code-execution/')),
      JSON.stringify(result.findings),
    ).toBe(true);
  });

  it('says of a Keras file that published vulnerabilities of its readers may be about it', async () => {
    const path2 = at('k2.json');
    writeFileSync(path2, JSON.stringify(lambda));
    const judged = async (path3: string) =>
      judgeAdvisories((await scanInProcess({ path: path3, tensorflow: '2.21.0' })).uses, '2.5.0').verdicts;
    expect((await judged(path2)).find(({ cve }) => cve === 'CVE-2021-37678')).toMatchObject({ status: 'under_investigation' });
    await scan('g2.pb', graphDef([placeholder('x')]));
    expect((await judged(at('g2.pb'))).find(({ cve }) => cve === 'CVE-2021-37678')).toMatchObject({ status: 'not_affected' });
  });

  it('does not let a crowd of harmless nodes hide one that a request reaches', async () => {
    const crowd = Array.from({ length: 5000 }, (_, index) => ({ name: `r${index}`, op: 'ReadFile', inputs: ['path'] }));
    const nodes = [
      constString('path', 'a'),
      placeholder('x'),
      ...crowd,
      { ...reads[1], inputs: ['x'] },
      reads[2],
      { name: 'mine', op: 'NoSuchOp' },
    ];
    const { uses } = await scan('crowd/saved_model.pb', savedModel({ metaGraphs: [{ ...model, nodes }] }));
    const readFile = uses.filter(({ kind, name }) => kind === 'tensorflow-op' && name === 'ReadFile');
    expect(readFile.map(({ trigger, isRequestControlled }) => [trigger, isRequestControlled])).toEqual([
      ['none', undefined],
      ['inference', true],
    ]);
    expect(uses.some(({ name }) => name === 'NoSuchOp')).toBe(false);
  });

  it('passes over what macOS keeps of a file beside it', async () => {
    await scan('mac/frozen.pb', graphDef([placeholder('x')]));
    await scan('mac/._frozen.pb', Buffer.from('0005160700020000', 'hex'));
    const result = await scan('mac');
    expect([worst(result), result.unreadable]).toEqual([[], []]);
  });

  it('one bad file does not hide another', async () => {
    writeFileSync(at('sm/broken.h5'), Buffer.from('\x89HDF\r\n\x1a\n\0\0', 'latin1'));
    const result = await scan('sm');
    expect(worst(result).some((id) => id.startsWith('file-read/'))).toBe(true);
    expect(result.unreadable.map(({ file }) => file)).toContain('broken.h5');
  });

  it('scans the examples without a finding', async () => {
    const root = path.resolve(import.meta.dirname, '../../..');
    for (const name of ['digits', 'tabular']) {
      const result = await scanInProcess({ path: path.join(root, 'examples', name, '1'), tensorflow: '2.21.0' });
      expect([name, worst(result), result.unreadable]).toEqual([name, [], []]);
      expect(readFileSync(path.join(root, 'examples', name, '1/saved_model.pb')).length).toBeGreaterThan(0);
    }
  });
});
