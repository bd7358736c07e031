import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recordingContext, sourceOf } from '../../../tests/support/recording-context.ts';
import { scanCheckpointState } from './index.ts';

function scan(text: string | Buffer, folderName: string | undefined = 'train') {
  const context = recordingContext();
  scanCheckpointState(sourceOf(Buffer.from(text), 'checkpoint'), context, {
    prefixes: new Set(['ckpt-1', 'model.ckpt-5']),
    folderName,
  });
  return {
    said: context.findings.map(({ severity, ruleId }) => `${severity} ${ruleId}`),
    findings: context.findings,
    parts: context.parts,
  };
}

const latest = (name: string) => `model_checkpoint_path: "${name}"\nall_model_checkpoint_paths: "${name}"\n`;

describe('scanCheckpointState()', () => {
  it('is silent about what TensorFlow 2 writes', () => {
    const text = `${latest('ckpt-1')}all_model_checkpoint_paths: "ckpt-0"\nall_model_checkpoint_timestamps: 1796030171.7644234\nlast_preserved_timestamp: -1.5e3\n`;
    expect(scan(text)).toMatchObject({ said: [], parts: [] });
    expect(scan('model_checkpoint_path: "./ckpt-1", all_model_checkpoint_paths: ["ckpt-1", "ckpt-1"] # old').said).toEqual([]);
  });

  it('says little about the path of the training, which TensorFlow 1 writes', () => {
    expect(scan(latest('/srv/me/train/model.ckpt-5')).said).toEqual(['low path-traversal/checkpoint-state']);
  });

  it('says little about a training at home or on a disk for data, also when its folder was renamed and older checkpoints were left', () => {
    const text = `${latest('/home/me/runs/7/ckpt-1')}all_model_checkpoint_paths: "/home/me/runs/7/ckpt-0"\n`;
    const low = 'low path-traversal/checkpoint-state';
    expect(scan(text).said).toEqual([low, low]);
    expect(scan(`${text}all_model_checkpoint_paths: "/home/me/other/ckpt-0"`).said).toContain(
      'high path-traversal/checkpoint-state',
    );
    expect(scan(latest('/home/me/runs/7/ckpt-9')).said).toEqual(['high path-traversal/checkpoint-state']);
  });

  it.each([
    ['/etc/passwd', 'high path-traversal/checkpoint-state'],
    ['/tmp/evil/ckpt-9', 'high path-traversal/checkpoint-state'],
    ['/tmp/evil/ckpt-1', 'medium path-traversal/checkpoint-state'],
    ['/etc/train/ckpt-1', 'high path-traversal/checkpoint-state'],
    ['../other/ckpt-1', 'high path-traversal/checkpoint-state'],
    ['sub/../../ckpt-1', 'high path-traversal/checkpoint-state'],
    ['..\\\\other\\\\ckpt-1', 'high path-traversal/checkpoint-state'],
    ['\\\\\\\\host\\\\share\\\\ckpt-1', 'high path-traversal/checkpoint-state'],
    ['C:\\\\x\\\\ckpt-1', 'medium path-traversal/checkpoint-state'],
    ['~/ckpt-1', 'high path-traversal/checkpoint-state'],
    ['file:///etc/x', 'high path-traversal/checkpoint-state'],
    ['gs://bucket/ckpt-1', 'high network/checkpoint-state'],
    ['HTTPS://host/ckpt-1', 'high network/checkpoint-state'],
    ['ckpt-1\\000x', 'high path-traversal/checkpoint-state'],
    ['ckpt-9', 'low malformed/checkpoint-state'],
  ])('judges %s', (name, expected) => {
    const { said, findings } = scan(latest(name));
    expect(said).toEqual([expected]);
    expect(findings[0].argument?.name ?? 'model_checkpoint_path').toBe('model_checkpoint_path');
  });

  it('does not take a path for that of the training where the name of the folder is not known', () => {
    const context = recordingContext();
    const source = sourceOf(Buffer.from(latest('/srv/me/train/ckpt-1')), 'checkpoint');
    scanCheckpointState(source, context, { prefixes: new Set(['ckpt-1']), folderName: undefined });
    expect(context.findings[0].severity).toBe('medium');
  });

  it('judges every other path too', () => {
    expect(scan('model_checkpoint_path: "ckpt-1" all_model_checkpoint_paths: "../x"').said).toEqual([
      'high path-traversal/checkpoint-state',
    ]);
  });

  it('says that the last of two wins', () => {
    const { said, findings } = scan('model_checkpoint_path: "ckpt-1"\nmodel_checkpoint_path: "../evil"');
    expect(said[0]).toBe('medium parser-differential/checkpoint-state');
    expect(findings[0].message).toMatch(/"ckpt-1" and "..\/evil"/);
  });

  it.each(['', '{}', 'model_checkpoint_path "x"', 'model_checkpoint_path: 5', 'model_checkpoint_path: "x', '\0'])(
    'does not call %j clean',
    (text) => {
      const { parts, said } = scan(text);
      if (text !== '') expect(parts).toHaveLength(1);
      expect(said).toEqual([]);
    },
  );

  it('never fails on any bytes', () => {
    const piece = fc.constantFrom(
      'model_checkpoint_path',
      ':',
      '"a"',
      '"..',
      '[',
      ']',
      ',',
      '\\',
      '\n',
      '"',
      '{',
      '}',
      '\0',
      '1.5e',
      '#',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => void scan(pieces.join(' '))),
      { numRuns: 300 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => void scan(Buffer.from(bytes))),
      { numRuns: 200 },
    );
  });
});
