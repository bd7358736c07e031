import { describe, expect, it } from 'vitest';
import { bundleFolder, floats, folderOf } from '../../../tests/support/checkpoint-builder.ts';
import { recordingContext } from '../../../tests/support/recording-context.ts';
import { type CheckpointFolder, type CheckpointFolderOptions, scanCheckpointFolder } from './index.ts';

async function scan(folder: CheckpointFolder, options?: CheckpointFolderOptions) {
  const context = recordingContext();
  const seen = await scanCheckpointFolder(folder, context, options);
  return {
    seen: [...seen].sort(),
    said: context.findings.map(({ severity, ruleId }) => `${severity} ${ruleId}`),
    parts: context.parts,
  };
}

const state = { checkpoint: Buffer.from('model_checkpoint_path: "ckpt-1"\n') };

describe('scanCheckpointFolder()', () => {
  it('looks at indexes, data and the state file, and leaves the rest to others', async () => {
    const folder = bundleFolder([{ name: 'v', bytes: floats(1, 2) }], {
      extraFiles: { ...state, 'ckpt-1.meta': Buffer.from('x'), readme: Buffer.from('') },
    });
    expect(await scan(folder)).toEqual({
      seen: ['checkpoint', 'ckpt-1.data-00000-of-00001', 'ckpt-1.index'],
      said: [],
      parts: [],
    });
  });

  it('judges the weights', async () => {
    expect((await scan(bundleFolder([{ name: 'v', bytes: floats(Number.NaN) }]))).said).toEqual(['medium weights/not-a-number']);
  });

  it('does not call data without an index clean', async () => {
    const { parts } = await scan(folderOf({ 'ckpt-7.data-00000-of-00001': Buffer.alloc(8) }));
    expect(parts).toEqual([{ file: 'ckpt-7.data-00000-of-00001', reason: expect.stringContaining('index is missing') }]);
  });

  it('looks into the folder that it is told, and not below', async () => {
    const inside = bundleFolder([{ name: 'v', bytes: floats(1) }], {
      prefix: 'variables/variables',
      extraFiles: {
        'variables/deep/x.index': Buffer.alloc(1),
        'y.index': Buffer.alloc(1),
        'variables/checkpoint': Buffer.from('model_checkpoint_path: "/etc/x"'),
      },
    });
    const { seen, said, parts } = await scan(inside, { folder: 'variables' });
    expect(seen).toEqual(['variables/checkpoint', 'variables/variables.data-00000-of-00001', 'variables/variables.index']);
    expect(said).toEqual(['high path-traversal/checkpoint-state']);
    expect(parts).toEqual([]);
  });

  it('knows the folder of the training by its name', async () => {
    const extraFiles = { checkpoint: Buffer.from('model_checkpoint_path: "/srv/train/ckpt-1"') };
    const folder = bundleFolder([{ name: 'v', bytes: floats(1) }], { extraFiles });
    expect((await scan(folder, { folderName: 'train' })).said).toEqual(['low path-traversal/checkpoint-state']);
    expect((await scan(folder, { folderName: 'other' })).said).toEqual(['medium path-traversal/checkpoint-state']);
  });
});
